"""The transactions with a record elsewhere, over real TLS, against another Vaguemestre and against bad servers."""

import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from access_core.reasons import Reason
from dmp_bridge.external.client import Access, RecordClient, connect
from dmp_bridge.external.existence import Existence, RecordState
from dmp_bridge.external.rights import Deed, Mode, decide_deed
from dmp_bridge.external.submission import DOCUMENT
from dmp_bridge.external.troubles import RecordAway, RecordRefused, Trouble
from dmp_bridge.external.wire import mutual_tls
from dmp_bridge.transport.mtom import read_package
from dmp_bridge.xds.identifiers import CX
from dmp_bridge.xds.metadata import (
    APPROVED,
    DELETED,
    UPDATE_AVAILABILITY,
    Association,
    Code,
    Submission,
    SubmissionSet,
)
from tests.conftest import NOON
from tests.fictional.sending import sending_of
from tests.fictional.structure_keys import issue_rsa
from tests.standins import dmp
from tests.standins.dmp import Behaviour, start_dmp
from tests.unit.dmp_bridge.external.conftest import BEFORE, Elsewhere, with_settings
from vaguemestre.app.demo.fictional_documents import DOMINIQUE, fictional_cda
from vaguemestre.app.pki import Authority
from vaguemestre.kernel.errors import ConfigurationError

PATIENT = CX.build(DOMINIQUE.ins, "1.2.250.1.213.1.4.10")


async def provide(access: Access, document: bytes) -> None:
    sending = sending_of(document, access)
    async with connect(access) as client:
        await client.provide(PATIENT, sending.submission, sending.documents)


@pytest.mark.requirement("VGM:DMP-02")
async def test_a_document_is_sent_and_found_there_byte_for_byte(elsewhere: Elsewhere, access: Access):
    document = fictional_cda()

    await provide(access, document)

    (found,) = elsewhere.documents()
    assert elsewhere.content(found) == document
    assert found.filing.label.startswith("Cardiologie")


async def test_a_submission_is_sent_as_the_national_contract_says(elsewhere: Elsewhere, access: Access):
    document = fictional_cda()

    await provide(access, document)

    (asked,) = elsewhere.server.asked
    package = read_package(asked.content_type, asked.body)
    envelope = etree.fromstring(package.envelope)
    assert package.action == "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"
    assert {etree.QName(each).localname for each in envelope[0]} == {"Action", "MessageID", "To", "ReplyTo", "Security"}
    assert envelope.xpath("count(//*[local-name()='Assertion'])") == 1
    assert envelope.xpath("//*[local-name()='Document']/@id") == ["Document01", "Signature01"]
    assert package.attachments["1@vaguemestre"] == document
    assert package.attachments["2@vaguemestre"].startswith(b"<?xml")
    kinds = [each.rpartition(":")[2] for each in envelope.xpath("//*[local-name()='Association']/@associationType")]
    assert kinds == ["HasMember", "HasMember", "signs"]
    institution = envelope.xpath("//*[local-name()='RegistryPackage']//*[@name='authorInstitution']//text()")
    assert any("1750000000" in each for each in institution)
    shown = ssl.DER_cert_to_PEM_cert(asked.certificate)
    assert shown.split() == (elsewhere.folder / "auth-cli.pem").read_text().split()


async def test_a_reference_is_found_by_unique_id(elsewhere: Elsewhere, access: Access):
    await provide(access, fictional_cda())
    (found,) = elsewhere.documents()

    async with connect(access) as client:
        reference = await client.reference(PATIENT, found.entry.unique_id)
        nothing = await client.reference(PATIENT, "1.2.3.4")

    assert reference == found.entry.entry_id
    assert nothing is None


async def test_a_document_of_ours_is_deleted_there(elsewhere: Elsewhere, access: Access):
    await provide(access, fictional_cda())
    (found,) = elsewhere.documents()
    deletion = Submission(
        submission_set=SubmissionSet(entry_id="SubmissionSet01", unique_id="1.2.9", patient_id=PATIENT),
        entries=(),
        associations=(
            Association(
                association_id="as1",
                kind=UPDATE_AVAILABILITY,
                source="SubmissionSet01",
                target=found.entry.entry_id,
                slots={"OriginalStatus": (APPROVED,), "NewStatus": (DELETED,)},
            ),
        ),
    )

    async with connect(access) as client:
        await client.update(Deed.DELETE, PATIENT, deletion)

    assert elsewhere.documents() == []


@pytest.mark.parametrize(
    ("told", "existence", "may_feed"),
    [
        (("active", "VALIDE"), Existence(RecordState.ACTIVE, "VALIDE"), True),
        (("active", "NON_EXISTE"), Existence(RecordState.ACTIVE, "NON_EXISTE"), True),
        (("active", "INTERDIT"), Existence(RecordState.ACTIVE, "INTERDIT"), False),
        (("terminated", "VALIDE"), Existence(RecordState.CLOSED, "VALIDE"), False),
        (None, Existence(RecordState.ABSENT), False),
    ],
)
async def test_the_existence_test_tells_whether_to_feed(
    elsewhere: Elsewhere, access: Access, told: tuple[str, str] | None, existence: Existence, may_feed: bool
):
    elsewhere.server.states = {} if told is None else {DOMINIQUE.ins: told}

    async with connect(access) as client:
        answer = await client.exists(PATIENT)

    assert (answer, answer.may_feed) == (existence, may_feed)


@pytest.mark.requirement("VGM:DMP-01")
@pytest.mark.parametrize(
    "act",
    [
        lambda client: client.find(PATIENT),
        lambda client: client.read(PATIENT, "1.2.3"),
        lambda client: client.update(Deed.MASK, PATIENT, None),
        lambda client: client.update(Deed.ARCHIVE, PATIENT, None),
        lambda client: client.update(Deed.SHOW, PATIENT, None),
    ],
)
async def test_an_organisation_certificate_never_reads(
    elsewhere: Elsewhere, access: Access, act: Callable[[RecordClient], object], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("dmp_bridge.external.client.submission_element", lambda _: etree.Element("x"))

    async with connect(access) as client:
        with pytest.raises(RecordRefused) as raised:
            await act(client)  # type: ignore[misc]

    assert raised.value.codes == (Reason.A_MOYEN_INSUFFISANT,)
    assert elsewhere.server.asked == []


def test_the_rights_follow_the_national_matrices():
    feeding = {mode for mode in Mode if decide_deed(mode, Deed.FEED).allowed}
    reading = {mode for mode in Mode if decide_deed(mode, Deed.READ).allowed}
    existence = {mode for mode in Mode if decide_deed(mode, Deed.EXISTENCE).allowed}

    assert feeding == {Mode.DIRECT, Mode.ORGANISATION}
    assert reading == {Mode.DIRECT, Mode.REINFORCED}
    assert existence == set(Mode)


def as_doctor(access: Access) -> Access:
    """The access of Dr Martin, signed in by Pro Santé Connect."""
    reinforced = with_settings(access, mode=Mode.REINFORCED)
    doctor = replace(
        reinforced.identity,
        subject="810002422979",
        roles=(Code("10", "1.2.250.1.71.1.2.7", "Médecin"),),
        login="Password",
    )
    return replace(reinforced, identity=doctor)


async def test_a_professional_finds_and_reads_what_the_gateway_fed(elsewhere: Elsewhere, access: Access):
    document = fictional_cda()
    await provide(access, document)

    async with connect(as_doctor(access)) as client:
        found = await client.find(PATIENT)
        content = await client.read(PATIENT, found.entries[0].unique_id)

    assert [each.title for each in found.entries] == [elsewhere.documents()[0].title]
    assert content == document


async def test_a_document_that_is_not_there_is_refused(elsewhere: Elsewhere, access: Access):
    async with connect(as_doctor(access)) as client:
        with pytest.raises(RecordRefused, match="XDSDocumentUniqueIdError"):
            await client.read(PATIENT, "1.2.3.4")


async def test_pro_sante_connect_never_feeds(elsewhere: Elsewhere, access: Access):
    reinforced = with_settings(access, mode=Mode.REINFORCED)

    with pytest.raises(RecordRefused, match="A_MOYEN_INSUFFISANT"):
        await provide(reinforced, fictional_cda())

    assert elsewhere.server.asked == []


BAD = {
    "html": (dmp.says(200, "text/html", b"<html>Maintenance</html>"), Trouble.ANSWER),
    "html with an error": (dmp.says(503, "text/html", b"<html/>"), Trouble.HTTP),
    "redirection": (dmp.says(302, "text/html", b""), Trouble.HTTP),
    "an error without a fault": (dmp.says(500, "text/plain", b"Internal Server Error"), Trouble.ANSWER),
    "not xml": (dmp.says(200, "application/soap+xml", b"<env"), Trouble.ANSWER),
    "empty": (dmp.says(200, "application/soap+xml", b""), Trouble.ANSWER),
    "a doctype": (dmp.says(200, "application/soap+xml", b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>"), Trouble.ANSWER),
    "a broken package": (dmp.says(200, 'multipart/related; boundary="b"', b"--b\r\n"), Trouble.ANSWER),
    "the answer to another request": (dmp.answers_another, Trouble.ANSWER),
    "an answer of another kind": (dmp.answers_another_kind, Trouble.ANSWER),
    "a fault of theirs": (dmp.faults("Receiver"), Trouble.BUSY),
    "busy": (dmp.registers("XDSRepositoryBusy"), Trouble.BUSY),
    "cut": (dmp.hangs_up, Trouble.UNREACHABLE),
    "no end": (dmp.floods, Trouble.ANSWER),
}


@pytest.mark.parametrize(("behaviour", "trouble"), BAD.values(), ids=BAD)
async def test_a_server_that_misbehaves_is_tried_again(
    elsewhere: Elsewhere, access: Access, behaviour: Behaviour, trouble: Trouble
):
    elsewhere.server.behaviour = behaviour

    with pytest.raises(RecordAway) as raised:
        await provide(access, fictional_cda())

    assert raised.value.trouble is trouble


@pytest.mark.parametrize("behaviour", [dmp.hangs, dmp.drips])
async def test_a_slow_server_is_given_up_in_time(elsewhere: Elsewhere, access: Access, behaviour: Behaviour):
    elsewhere.server.behaviour = behaviour

    with pytest.raises(RecordAway) as raised:
        await provide(with_settings(access, request_timeout_s=0.5), fictional_cda())

    assert raised.value.trouble is Trouble.SLOW


REFUSALS = {
    "the wrong certificate": (dmp.faults("Sender", "DMPInvalidCertificate"), ("DMPInvalidCertificate", "Sender")),
    "a fault without a subcode": (dmp.faults("Sender", status=400), ("Sender",)),
    "a text instead of a code": (dmp.registers("Mme Dominique PAT-TROIS est inconnue"), ("Failure",)),
    "known already": (dmp.registers("XDSDuplicateUniqueIdInRegistry"), ("XDSDuplicateUniqueIdInRegistry",)),
    "two errors": (
        dmp.registers("XDSRepositoryBusy", "XDSUnknownPatientId"),
        ("XDSRepositoryBusy", "XDSUnknownPatientId"),
    ),
}


@pytest.mark.parametrize(("behaviour", "codes"), REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_is_told_by_its_codes(
    elsewhere: Elsewhere, access: Access, behaviour: Behaviour, codes: tuple[str, ...]
):
    elsewhere.server.behaviour = behaviour

    with pytest.raises(RecordRefused) as raised:
        await provide(access, fictional_cda())

    assert raised.value.codes == codes


async def test_a_refusal_of_the_other_vaguemestre_is_told(elsewhere: Elsewhere, access: Access):
    document = fictional_cda()
    await provide(access, document)
    sending = sending_of(document, access)
    other = document.replace(b"</title>", b" bis</title>", 1)

    async with connect(access) as client:
        with pytest.raises(RecordRefused) as raised:
            await client.provide(PATIENT, sending.submission, {**sending.documents, DOCUMENT: other})

    assert raised.value.codes == ("XDSRepositoryMetadataError",)


async def test_nobody_there_is_tried_again(access: Access):
    with pytest.raises(RecordAway) as raised:
        await provide(with_settings(access, url="https://localhost:1/services"), fictional_cda())

    assert raised.value.trouble is Trouble.UNREACHABLE


@pytest.mark.parametrize("wrong", ["authority", "name"])
async def test_a_server_with_another_certificate_gets_nothing(
    elsewhere: Elsewhere, access: Access, wrong: str, tmp_path: Path
):
    authority = Authority.create(BEFORE) if wrong == "authority" else elsewhere.authority
    hosts = ("localhost",) if wrong == "authority" else ("other.test",)
    chain = (elsewhere.folder / "ca.pem").read_bytes()

    async with start_dmp(issue_rsa(authority, hosts[0], NOON, hosts=hosts), chain, tmp_path) as impostor:
        with pytest.raises(RecordAway) as raised:
            await provide(with_settings(access, url=impostor.url), fictional_cda())

    assert raised.value.trouble is Trouble.UNREACHABLE
    assert impostor.asked == []


async def test_a_server_that_does_not_know_our_certificate_is_tried_again(elsewhere: Elsewhere, access: Access):
    stranger = issue_rsa(Authority.create(BEFORE), "AUTRE", NOON).write(elsewhere.folder, "stranger")
    settings = access.settings.model_copy(update={"client_certificate": stranger[0], "client_key": stranger[1]})

    with pytest.raises(RecordAway) as raised:
        await provide(replace(access, tls=mutual_tls(settings)), fictional_cda())

    assert raised.value.trouble is Trouble.UNREACHABLE
    assert elsewhere.server.asked == []


def test_certificates_that_cannot_be_read_stop_the_start(elsewhere: Elsewhere):
    with pytest.raises(ConfigurationError, match=r"auth\.pem"):
        mutual_tls(elsewhere.settings.model_copy(update={"client_certificate": elsewhere.folder / "auth.pem"}))
