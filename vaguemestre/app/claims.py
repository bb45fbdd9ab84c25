"""What the documents of an IHE_XDM archive say of themselves, read as the record reads them: for the gateway."""

from dmp_bridge.cda.header import CDADocument
from dmp_bridge.cda.reader import read_cda
from dmp_bridge.refusals import ExchangeError
from dmp_bridge.xdm.limits import TOLERANT
from dmp_bridge.xdm.reader import read_archive
from smtp_gateway.rules.x_mss import Claims


def read_claims(data: bytes) -> Claims:
    """Return the codes of the CDA documents and whether each carries a qualified INS; unknown when it does not read.

    Source: MSS2:ECO.2.4.1, MSS2:ECO.2.4.2 (qualified: matricule, OID, birth name, first given name, birth date, sex).
    """
    try:
        archive = read_archive(data, TOLERANT)
        documents = [read_cda(each.content) for each in archive.documents if each.refusal is None]
    except ExchangeError:
        return Claims(known=False)
    codes = tuple(dict.fromkeys(each.code.code for each in documents))
    return Claims(codes, qualified=bool(documents) and all(_is_qualified(each) for each in documents))


def _is_qualified(document: CDADocument) -> bool:
    patient = document.patient
    traits = (patient.birth_family, patient.first_given or patient.given, patient.birth_date, patient.sex)
    return patient.ins is not None and all(traits)
