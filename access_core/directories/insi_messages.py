"""The messages of the téléservice INSi: the request by traits written, its answer read. No I/O.

The service is `ICIR` version 1.5.0 of the Assurance maladie: SOAP 1.2, one operation for finding and for verifying an
identity one by one, `rechercherInsAvecTraitsIdentite`. Each answer holds a `CodeCR`: 00 one identity, 01 none, 02
several. The certificate of the structure proves who asks (mutual TLS), so that there is no assertion in the header.

Source: dmp.md §5 (MSG WS_INS2); namespaces and order of the elements as in the WSDL DESIR_ICIR_EXP_1.5.0.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lxml import etree

from access_core.directories.identities import AnswerCode, IdentityAnswer, Traits
from access_core.identifiers import INS
from vaguemestre.kernel.errors import InvalidIdentifier, ProtocolError, TemporaryFailure
from vaguemestre.kernel.xml import parse_xml

ACTION: Final = "urn:ServiceIdentiteCertifiee:1.0.0:rechercherInsAvecTraitsIdentite"
ANSWER_LIMIT_BYTES: Final = 200_000
SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING: Final = "http://www.w3.org/2005/08/addressing"
SEARCH: Final = "http://www.cnamts.fr/INSiRecSans"
RESULT: Final = "http://www.cnamts.fr/INSiResultat"
_BAM: Final = "urn:siram:bam:ctxbam"
_LPS: Final = "urn:siram:lps:ctxlps"
_NAMES: Final = {"s": SOAP, "r": RESULT}
_NAMESPACES: Final = {"soap": SOAP, "wsa": ADDRESSING, "ctxbam": _BAM, "ctxlps": _LPS}
_CODE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Software:
    """Who asks: the authorisation number of the software (IDAM), its name and version, the structure that uses it.

    `instance` is a UUID that stays the same for one installation.
    """

    idam: str
    name: str
    version: str
    emitter: str
    instance: str


def given_names_to_try(given: str) -> tuple[str, ...]:
    """Return the given names to ask for, in order: the whole as written, then the first alone.

    The national register holds every given name; a person may be known here by one or by several.
    """
    whole = _written(given)
    return tuple(dict.fromkeys(each for each in (whole, whole.partition(" ")[0]) if each))


def write_search(traits: Traits, given: str, software: Software, *, message_id: str, now: datetime) -> bytes:
    """Write the request for one person, by her traits and the given name GIVEN; MESSAGE_ID is a UUID."""
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap=_NAMESPACES)
    header = etree.SubElement(envelope, f"{{{SOAP}}}Header")
    _add_context(header, software, message_id, f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}Z")
    _text(header, ADDRESSING, "Action", ACTION)
    _text(header, ADDRESSING, "MessageID", f"uuid:{message_id}")
    body = etree.SubElement(envelope, f"{{{SOAP}}}Body")
    search = etree.SubElement(body, f"{{{SEARCH}}}RECSANSVITALE", nsmap={"insi": SEARCH})
    _text(search, SEARCH, "NomNaissance", _written(traits.family))
    _text(search, SEARCH, "Prenom", given)
    _text(search, SEARCH, "Sexe", traits.sex)
    _text(search, SEARCH, "DateNaissance", f"{traits.birth_date:%Y-%m-%d}")
    if traits.birth_place != "99999":
        _text(search, SEARCH, "LieuNaissance", traits.birth_place)
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def read_answer(data: bytes) -> IdentityAnswer:
    """Read the answer.

    Raises:
        TemporaryFailure: a SOAP fault, another code, or something else than an answer; names the code only.
    """
    try:
        root = parse_xml(data, max_bytes=ANSWER_LIMIT_BYTES)
    except ProtocolError:
        raise TemporaryFailure("INSi: the answer is not XML") from None
    result = root.find("s:Body/r:RESULTAT", _NAMES)
    if result is None:
        raise TemporaryFailure(f"INSi: the service refused: {next(_fault_codes(root), 'no result')}")
    code = (result.findtext("r:CR/r:CodeCR", namespaces=_NAMES) or "").strip()
    if code not in set(AnswerCode):
        raise TemporaryFailure(f"INSi: answered with code {code if _CODE.fullmatch(code) else '?'}")
    return IdentityAnswer(AnswerCode(code), _identity(result) if code == AnswerCode.ONE else None)


def _identity(result: etree._Element) -> INS:
    """Return the active INS; those of the past (INSHISTO) identify nobody any more."""
    active = result.find("r:INDIVIDU/r:INSACTIF", _NAMES)
    if active is None:
        raise TemporaryFailure("INSi: an identity without an active INS")
    parts = (active.findtext(f"r:IdIndividu/r:{name}", "", _NAMES).strip() for name in ("NumIdentifiant", "Cle"))
    try:
        return INS.parse("".join(parts), oid=active.findtext("r:OID", "", _NAMES).strip() or None, strict=False)
    except InvalidIdentifier:
        raise TemporaryFailure("INSi: an INS that cannot be read") from None


def _fault_codes(root: etree._Element) -> Iterator[str]:
    """Yield the codes of a fault, the most precise first; its texts may name the person."""
    for path in ("Subcode/s:Value", "Value"):
        code = root.findtext(f"s:Body/s:Fault/s:Code/s:{path}", "", _NAMES).strip()
        if _CODE.fullmatch(code):
            yield code


def _add_context(header: etree._Element, software: Software, message_id: str, now: str) -> None:
    bam = etree.SubElement(header, f"{{{_BAM}}}ContexteBAM", Version="01_02")
    lps = etree.SubElement(header, f"{{{_LPS}}}ContexteLPS", Nature="CTXLPS", Version="01_00")
    for namespace, context in ((_BAM, bam), (_LPS, lps)):
        _text(context, namespace, "Id", message_id)
        _text(context, namespace, "Temps", now)
        _text(context, namespace, "Emetteur", software.emitter)
    etree.SubElement(bam, f"{{{_BAM}}}COUVERTURE")
    used = etree.SubElement(lps, f"{{{_LPS}}}LPS")
    _text(used, _LPS, "IDAM", software.idam).set("R", "4")
    _text(used, _LPS, "Version", software.version)
    _text(used, _LPS, "Instance", software.instance)
    _text(used, _LPS, "Nom", f"urn:lps:{software.name}:{software.version}")


def _text(parent: etree._Element, namespace: str, name: str, text: str) -> etree._Element:
    element = etree.SubElement(parent, f"{{{namespace}}}{name}")
    element.text = text
    return element


def _written(name: str) -> str:
    """Return a name as the register writes it: capitals without accents, hyphens and apostrophes kept."""
    letters = unicodedata.normalize("NFKD", name.replace("’", "'")).upper().replace("Œ", "OE").replace("Æ", "AE")
    plain = (each for each in letters if not unicodedata.combining(each))
    return " ".join("".join(each if each.isalpha() or each in "-'" else " " for each in plain).split())
