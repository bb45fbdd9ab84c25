"""Other makers' XDS programs on our record: oru2xds provides by ITI-41, zeep asks by ITI-18 and retrieves by ITI-43."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests
import zeep
from lxml import etree
from zeep.plugins import Plugin
from zeep.transports import Transport

from tests.fictional.xds_client import PATIENT
from tests.interop import oru2xds_source
from tests.interop.xds_stage import XdsStage, open_xds_stage, security_gateway
from tests.standins.ports import free_port, wait_for_port
from vaguemestre.app.demo.fictional_documents import fictional_cda

RIM = "{urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0}"
FIND_DOCUMENTS = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d"
GET_ALL = "urn:uuid:10b545ea-725c-446d-9b95-8aeb444eddf3"
APPROVED = "('urn:oasis:names:tc:ebxml-regrep:StatusType:Approved')"
EXAM, AT, AUTHOR = "RX1^Radiographie du genou", "20260115101500", "810002422979&MARTIN^Camille"
REPORT = "\r".join(
    (
        "MSH|^~\\&|RIS|CABINET|ORU2XDS|DOSSIER|20260115101500||ORU^R01|MSG0001|P|2.5||||||UNICODE UTF-8",
        "PID|1||279035121518989^^^INS&1.2.250.1.213.1.4.10&ISO||PAT-TROIS^DOMINIQUE||19790328|F",
        "PV1|1|O",
        "ORC|RE|CMD1|CMD1",
        f"OBR|1|CMD1|CMD1|{EXAM}^LOCAL|||20260115100000||||||Douleur|||||ACC0001||||{AT}||RAD|F|||||||{AUTHOR}",
        f"OBX|1|TX|{EXAM}||Pas de fracture visible.||||||F",
        "ZEI|1",
    )
)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[XdsStage]:
    with open_xds_stage(tmp_path) as opened:
        yield opened


@contextmanager
def document_source(url: str, folder: Path, *options: str) -> Iterator[int]:
    """Run oru2xds; yields its HL7 port."""
    port = free_port()
    command = [sys.executable, oru2xds_source.__file__, url, str(port), *options]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_for_port(port)
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=20)


def sent_by_mllp(port: int, message: str) -> str:
    """Send a message and return its acknowledgement."""
    with closing(socket.create_connection(("127.0.0.1", port), 60)) as connection:
        connection.sendall(b"\x0b" + message.encode() + b"\r\x1c\r")
        answer = b""
        while b"\x1c\r" not in answer:
            received = connection.recv(4096)
            assert received, answer
            answer += received
    return answer.decode()


def test_a_report_that_oru2xds_provides_is_read_back(stage: XdsStage, tmp_path: Path):
    with security_gateway(stage) as url, document_source(url, tmp_path) as port:
        acknowledgement = sent_by_mllp(port, REPORT)

    assert "MSA|AA|MSG0001" in acknowledgement
    (found,) = stage.documents()
    document = stage.content(found)
    assert found.entry.unique_id == "1.3.6.1.4.1.55196.1.1.2.5^MSG0001"
    assert "Pas de fracture visible." in document.decode()
    assert found.entry.type_code.code == "18748-4"


def test_a_report_about_somebody_else_is_refused_to_oru2xds(stage: XdsStage, tmp_path: Path):
    report = REPORT.replace("PAT-TROIS^DOMINIQUE", "AUTRE^PERSONNE")

    with security_gateway(stage) as url, document_source(url, tmp_path) as port:
        acknowledgement = sent_by_mllp(port, report)

    assert "MSA|AE|MSG0001|XDS Provide and Register Document Set-b Response is a failure" in acknowledgement
    assert stage.acts()[-1] == ("file_document", "I_INS_DISCORDANTE")
    assert stage.documents() == []


def test_as_released_oru2xds_gives_a_document_two_names_and_is_refused(stage: XdsStage, tmp_path: Path):
    """The uniqueId of its metadata is not the id of its CDA: see `oru2xds_source.py`."""
    with security_gateway(stage) as url, document_source(url, tmp_path, "as-released") as port:
        acknowledgement = sent_by_mllp(port, REPORT)

    assert "MSA|AE|MSG0001" in acknowledgement
    assert stage.acts()[-1] == ("file_document", "X_CDA_DISCORDANT")
    assert stage.documents() == []


class Vihf(Plugin):
    """Adds the security header to what zeep sends."""

    def __init__(self, stage: XdsStage) -> None:
        self._stage = stage

    def egress(self, envelope, http_headers, operation, binding_options):
        envelope.find("{*}Header").append(self._stage.security())
        return envelope, http_headers


def service_of(stage: XdsStage, wsdl: Path, address: str):
    """Return a zeep service of a WSDL of IHE at our address."""
    session = requests.Session()
    session.headers["Connection"] = "close"
    session.trust_env = False
    session.verify = str(stage.authority)
    client = zeep.Client(str(wsdl), transport=Transport(session=session), plugins=[Vihf(stage)])
    (binding,) = client.wsdl.bindings
    return client, client.create_service(binding, f"{stage.url}/{address}")


def soap_query(query: str, returned: str, **slots: str) -> dict[str, object]:
    """Return an ITI-18 as zeep takes it."""
    written = [{"name": f"${name}", "ValueList": {"_value_1": [{"Value": value}]}} for name, value in slots.items()]
    return {
        "ResponseOption": {"returnComposedObjects": True, "returnType": returned},
        "AdhocQuery": {"id": query, "Slot": written},
    }


class Registry:
    """Our registry as zeep asks it; objects are read from the answer itself, since zeep knows no substitution."""

    def __init__(self, stage: XdsStage, wsdl: Path) -> None:
        self.client, self.service = service_of(stage, wsdl, "registry")

    def answer(self, query: str, returned: str, **slots: str):
        return self.service.DocumentRegistry_RegistryStoredQuery(**soap_query(query, returned, **slots))

    def objects(self, query: str, returned: str, **slots: str) -> dict[str, etree._Element]:
        with self.client.settings(raw_response=True):
            answer = self.answer(query, returned, **slots)
        (listed,) = etree.fromstring(answer.content).iter(f"{RIM}RegistryObjectList")
        return {each.get("id"): each for each in listed}


@pytest.fixture
def registry(stage: XdsStage, corpus: Path) -> Registry:
    return Registry(stage, corpus / "xsd" / "ihe-wsdl" / "iti18.wsdl")


def test_zeep_finds_a_document_and_reads_its_metadata(stage: XdsStage, registry: Registry):
    stage.space.file(fictional_cda(title="Compte rendu"))
    asked = {"XDSDocumentEntryPatientId": f"'{PATIENT}'", "XDSDocumentEntryStatus": APPROVED}

    objects = registry.objects(FIND_DOCUMENTS, "LeafClass", **asked)

    (found,) = stage.documents()
    assert list(objects) == [found.entry.entry_id]
    entry = objects[found.entry.entry_id]
    assert (entry.get("lid"), entry.get("mimeType")) == (found.entry.logical_id, "text/xml")
    assert entry.find(f"{RIM}Name/{RIM}LocalizedString").get("value") == "Compte rendu"


def test_zeep_gets_references_and_everything_of_a_patient(stage: XdsStage, registry: Registry):
    stage.space.file(fictional_cda(title="Premier"))
    stage.space.file(fictional_cda(title="Second"))
    asked = {"patientId": f"'{PATIENT}'", "XDSDocumentEntryStatus": APPROVED}
    asked |= {"XDSSubmissionSetStatus": APPROVED, "XDSFolderStatus": APPROVED}

    references = registry.objects(GET_ALL, "ObjectRef", **asked)
    objects = registry.objects(GET_ALL, "LeafClass", **asked)

    kinds = sorted(etree.QName(each).localname for each in objects.values())
    assert kinds == ["Association"] * 2 + ["ExtrinsicObject"] * 2 + ["RegistryPackage"] * 2
    assert sorted(references) == sorted(objects)


def test_zeep_reads_the_errors_of_a_faulty_query(registry: Registry):
    answer = registry.answer(FIND_DOCUMENTS, "LeafClass")

    (error,) = answer.RegistryErrorList.RegistryError
    assert answer.status.endswith(":Failure")
    assert error.errorCode == "XDSStoredQueryMissingParam"


def test_zeep_retrieves_the_bytes_of_a_document(stage: XdsStage, corpus: Path):
    cda = fictional_cda().strip()  # zeep drops line ends around an attachment
    stage.space.file(cda)
    (found,) = stage.documents()
    _, repository = service_of(stage, corpus / "xsd" / "ihe-wsdl" / "iti43.wsdl", "repository")

    answer = repository.DocumentRepository_RetrieveDocumentSet(
        DocumentRequest=[{"RepositoryUniqueId": found.entry.repository_id, "DocumentUniqueId": found.entry.unique_id}]
    )

    (retrieved,) = answer.DocumentResponse
    assert retrieved.Document == cda
