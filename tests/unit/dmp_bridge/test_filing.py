"""Filing into the record: decisions, idempotence, replacement, what the trace and the outbox keep."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from access_core.care import declare_care
from access_core.case_inputs import local_sender, remote_sender
from access_core.decision import Decision, Obligation, Verdict
from access_core.facts import SubjectKind
from access_core.reasons import Reason
from access_core.trace.chain import verify
from dmp_bridge.cda.reader import read_cda
from dmp_bridge.filing import confidentiality_of
from dmp_bridge.preparation import Tolerance, prepare_archive
from dmp_bridge.record.documents import content, document
from dmp_bridge.record.model import Availability
from dmp_bridge.record.registry import associations_of, submission_set_by_unique_id
from dmp_bridge.refusals import Refusal
from dmp_bridge.xdm.limits import STRICT
from dmp_bridge.xdm.reader import read_archive
from dmp_bridge.xds.metadata import HAS_MEMBER, INVISIBLE_PATIENT, REPLACES
from tests.unit.dmp_bridge.archives import ARCHIVES, changed
from tests.unit.dmp_bridge.conftest import on_each_engine
from tests.unit.dmp_bridge.test_xdm_corpus import archive_bytes
from vaguemestre.app.demo.fictional_documents import CAMILLE_MARTIN, DOMINIQUE, fictional_archive, fictional_cda
from vaguemestre.kernel.outbox import task

METADATA = "IHE_XDM/SUBSET01/METADATA.XML"


@pytest.mark.parametrize("row", ARCHIVES, ids=lambda row: row["archive"])
@pytest.mark.requirement("MSS2:ECO.2.1.2")
def test_every_archive_of_the_corpus_gets_its_answer(row, practice, request):
    outcomes = practice.file(archive_bytes(row, request))

    assert ";".join(outcome.reason for outcome in outcomes) == row["reasons"]
    filed = [outcome.document_id for outcome in outcomes if outcome.verdict is Verdict.PERMIT]
    assert sorted(filed) == sorted(found.id for found in practice.documents())
    assert [entry.reason for entry in practice.history()] == row["reasons"].split(";")


@on_each_engine
def test_a_document_of_the_care_team_is_filed_whole(practice):
    cda = fictional_cda()

    (outcome,) = practice.file(fictional_archive(cda))

    (found,) = practice.documents()
    assert (outcome.verdict, outcome.reason, outcome.document_id) == (Verdict.PERMIT, "OK", found.id)
    assert practice.write(lambda tx: content(tx, practice.store, found)) == cda
    assert (found.title, found.type_label) == (
        "Compte rendu de consultation",
        "CR ou fiche de consultation ou de visite",
    )
    assert (found.author_name, found.filing.label) == ("Camille MARTIN", "Dr Camille Martin")
    assert (found.availability, found.masked, found.invisible_patient) == (Availability.APPROVED, False, False)
    assert found.entry.status == "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
    assert found.filing.filed_by == practice.doctor.account_id
    assert practice.database.read_now(lambda tx: document(tx, found.entry.unique_id)) == found


@on_each_engine
def test_the_registry_gives_back_the_metadata_that_were_sent(practice):
    archive = fictional_archive()
    (lot,) = read_archive(archive).lots

    practice.file(archive)

    (found,) = practice.documents()
    (sent,) = lot.submission.entries
    kept = replace(found.entry, entry_id=sent.entry_id, logical_id=None, status=None, repository_id=None, uri=sent.uri)
    assert kept == sent
    unique_id = lot.submission.submission_set.unique_id
    recorded = practice.database.read_now(lambda tx: submission_set_by_unique_id(tx, practice.patient.id, unique_id))
    assert recorded is not None
    assert replace(recorded, entry_id="SubmissionSet01") == lot.submission.submission_set
    links = practice.database.read_now(lambda tx: associations_of(tx, found.entry.entry_id))
    assert [(link.kind, link.source) for link in links] == [(HAS_MEMBER, recorded.entry_id)]


@on_each_engine
@pytest.mark.requirement("VGM:ACCESS-FILE")
def test_filing_twice_changes_nothing(practice):
    archive = fictional_archive()
    (first,) = practice.file(archive)

    (second,) = practice.file(archive)

    assert (second.reason, second.obligations, second.document_id) == ("OK", (Obligation.DEDUP,), first.document_id)
    assert len(practice.documents()) == 1
    assert [entry.obligations for entry in practice.history()] == [("NOTIF_TITULAIRE",), ("DEDUP",)]


@on_each_engine
def test_another_document_under_a_known_id_is_refused(practice):
    archive = fictional_archive()
    (sent,) = read_archive(archive).documents
    practice.file(archive)
    other = fictional_cda(title="Tout autre texte")
    forged = other.replace(read_cda(other).id.root.encode(), sent.entry.unique_id.encode())

    (outcome,) = practice.file(fictional_archive(forged))

    assert (outcome.verdict, outcome.reason) == (Verdict.DENY, Refusal.UNIQUE_ID_TAKEN)
    assert [found.entry.hash for found in practice.documents()] == [sent.entry.hash]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ins": "277076322082910"}, "I_INS_DISCORDANTE"),
        ({"family": "AUTRE"}, "I_INS_DISCORDANTE"),
        ({"given": "CLAUDE"}, "I_INS_DISCORDANTE"),
        ({"birth_date": date(1979, 3, 29)}, "I_INS_DISCORDANTE"),
        ({"sex": "M"}, "I_INS_DISCORDANTE"),
        ({"ins": "279035121518988"}, "I_INS_DISCORDANTE"),
        ({"ins": "279035121518988", "oid": "1.2.250.1.213.1.4.8"}, "I_INS_MALFORMEE"),
        ({"ins": "IPP-0042"}, "I_INS_MALFORMEE"),
    ],
)
@pytest.mark.requirement("MSS2:ECO.2.1.2")
def test_a_document_about_somebody_else_is_refused(practice, changes, reason):
    (outcome,) = practice.file(fictional_archive(fictional_cda(replace(DOMINIQUE, **changes))))

    assert (outcome.verdict, outcome.reason) == (Verdict.DENY, reason)
    assert practice.documents() == []
    assert [(entry.verdict, entry.reason) for entry in practice.history()] == [("DENY", reason)]


@pytest.mark.requirement("MSS2:ECO.2.1.2")
def test_metadata_about_somebody_else_are_refused_whatever_the_document_says(practice):
    archive = changed(fictional_archive(), METADATA, b'"279035121518989^', b'"277076322082910^')

    (outcome,) = practice.file(archive)

    assert outcome.reason == "I_INS_DISCORDANTE"


def test_metadata_of_another_document_are_refused(practice):
    archive = fictional_archive()
    (sent,) = read_archive(archive).documents
    forged = changed(archive, METADATA, sent.entry.unique_id.encode(), b"2.25.42")

    (outcome,) = practice.file(forged)

    assert outcome.reason == Refusal.CDA_DISAGREES


def test_a_sender_outside_the_care_team_is_refused_unless_the_message_shows_the_care(practice):
    stranger = remote_sender("dr.loin@autre.mssante.fr")
    archive = fictional_archive()

    refused = practice.file(archive, sender=stranger)
    accepted = practice.file(archive, sender=stranger, presume_care=True)

    assert [outcome.reason for outcome in (*refused, *accepted)] == ["H_HORS_PRISE_EN_CHARGE", "OK"]
    (found,) = practice.documents()
    assert (found.filing.filed_by, found.filing.label) == (None, "dr.loin@autre.mssante.fr")


def test_a_type_that_only_patients_deposit_is_refused(practice):
    (outcome,) = practice.file(fictional_archive(fictional_cda(type_code="DOCPAT03")))

    assert outcome.reason == "H_TYPE_NON_DEPOSABLE"


def test_one_bad_document_does_not_hold_back_the_other(practice):
    archive = fictional_archive(fictional_cda(), fictional_cda(title="Deuxième compte rendu"))
    damaged = changed(archive, "IHE_XDM/SUBSET01/DOC00001.XML", b"Compte rendu", b"Compte-rendu")

    outcomes = practice.file(damaged)

    assert [outcome.reason for outcome in outcomes] == [Refusal.DOCUMENT_HASH, "OK"]
    assert [found.title for found in practice.documents()] == ["Deuxième compte rendu"]


@on_each_engine
def test_visibility_asked_by_the_sender_is_kept(practice):
    secret = (
        b'nodeRepresentation="INVISIBLE_PATIENT"><rim:Slot name="codingScheme"><rim:ValueList><rim:Value>'
        b"1.2.250.1.213.1.1.4.13</rim:Value></rim:ValueList></rim:Slot></rim:Classification>"
        b'<rim:Classification id="n" classifiedObject="Document01" classificationScheme="urn:uuid:f4f85eac-e6cb-4883'
        b'-b524-f2705394840f" nodeRepresentation="N">'
    )
    archive = changed(fictional_archive(), METADATA, b'nodeRepresentation="N">', secret)

    (outcome,) = practice.file(archive)

    (found,) = practice.documents()
    assert (outcome.reason, found.invisible_patient) == ("OK", True)
    assert found.entry.visibility == {INVISIBLE_PATIENT}
    notices = practice.database.read_now(lambda tx: tx.execute(select(task.c.due_at)).scalars().all())
    now = practice.clock.now()
    assert sorted(notices) == [now + timedelta(days=14), now + timedelta(days=31)]


def test_a_notice_is_queued_without_health_data(practice):
    practice.file(fictional_archive())

    (row,) = practice.database.read_now(lambda tx: tx.execute(select(task)).all())
    assert row.kind == "notice"
    assert "Compte rendu" not in row.payload
    assert DOMINIQUE.ins not in row.payload


def version_2(first: bytes, parent_id: str | None = None, **changes: object) -> bytes:
    header = read_cda(first)
    assert header.set_id is not None
    parent = header.id if parent_id is None else replace(header.id, root=parent_id)
    return fictional_cda(replaces=(parent, header.set_id, 1), title="Compte rendu corrigé", **changes)


@on_each_engine
def noted(warnings: tuple[str, ...]) -> tuple[str, ...]:
    """What was noted beside the fictional PDF, which does not say that it is PDF/A."""
    assert Tolerance.NOT_PDF_A in warnings
    return tuple(each for each in warnings if each != Tolerance.NOT_PDF_A)


@pytest.mark.parametrize(("parent_id", "warnings"), [(None, ()), ("2.25.999", (Tolerance.REPLACED_BY_SET,))])
def test_a_new_version_replaces_the_former_one(practice, parent_id, warnings):
    first = fictional_cda()
    practice.file(fictional_archive(first))

    (outcome,) = practice.file(fictional_archive(version_2(first, parent_id)))

    old, new = sorted(practice.documents(), key=lambda found: found.cda_version or 0)
    assert (old.availability, new.availability) == (Availability.DEPRECATED, Availability.APPROVED)
    assert outcome.warnings == new.warnings
    assert noted(outcome.warnings) == warnings
    links = practice.database.read_now(lambda tx: associations_of(tx, old.entry.entry_id))
    assert (REPLACES, new.entry.entry_id) in [(link.kind, link.source) for link in links]


def test_a_former_version_that_comes_late_is_kept_as_replaced(practice):
    first = fictional_cda()
    practice.file(fictional_archive(version_2(first)))

    (outcome,) = practice.file(fictional_archive(first))

    states = {found.cda_version: found.availability for found in practice.documents()}
    assert states == {1: Availability.DEPRECATED, 2: Availability.APPROVED}
    assert noted(outcome.warnings) == (Tolerance.OLDER_VERSION,)


def test_two_documents_cannot_be_the_same_version(practice):
    first = fictional_cda()
    header = read_cda(first)
    practice.file(fictional_archive(first))
    twin = first.replace(header.id.root.encode(), b"2.25.4242")

    (outcome,) = practice.file(fictional_archive(twin))

    assert outcome.reason == Refusal.VERSION_TAKEN
    assert len(practice.documents()) == 1


def test_a_document_is_not_replaced_by_that_of_another_source(practice):
    first = fictional_cda()
    practice.file(fictional_archive(first))
    other = replace(CAMILLE_MARTIN, national_id="810109876543", structure_id="10B9999999")

    (outcome,) = practice.file(fictional_archive(version_2(first, author=other)))

    assert noted(outcome.warnings) == (Tolerance.REPLACED_FOREIGN,)
    assert {found.availability for found in practice.documents()} == {Availability.APPROVED}


@on_each_engine
def test_texts_that_do_not_fit_are_refused_on_every_engine(practice):
    archive = changed(fictional_archive(), METADATA, b'mimeType="text/xml"', b'mimeType="text/xml"')
    (sent,) = read_archive(archive).documents
    long_id = b"2.25." + b"9" * 200
    cda = sent.content.replace(sent.entry.unique_id.encode(), long_id)

    (outcome,) = practice.file(fictional_archive(cda))

    assert outcome.reason == Refusal.METADATA_LENGTH


def test_a_structure_files_in_its_own_name(practice):
    sender = replace(local_sender(practice.doctor), kind=SubjectKind.STRUCTURE, profession="-")

    (outcome,) = practice.file(fictional_archive(), sender=sender)

    assert outcome.reason == "OK"
    assert practice.history()[-1].subject_kind == "structure"


@on_each_engine
def test_the_trace_of_filings_verifies(practice):
    practice.file(fictional_archive())
    practice.file(b"not a zip")

    entries = practice.history()

    assert [(entry.resource_kind, entry.reason) for entry in entries] == [
        ("document", "OK"),
        ("archive", Refusal.ARCHIVE_UNREADABLE),
    ]
    assert {entry.message_id_header for entry in entries} == {"<1@demo.mssante.fr>"}
    assert practice.database.read_now(verify).ok


def test_care_that_is_over_no_longer_opens_the_record(practice):
    now = practice.clock.now()
    practice.write(
        lambda tx: declare_care(
            tx, practice.patient.id, practice.doctor.account_id, until=now + timedelta(days=1), now=now
        )
    )
    practice.clock.advance(timedelta(days=2))

    (outcome,) = practice.file(fictional_archive())

    assert outcome.reason == "H_HORS_PRISE_EN_CHARGE"


def test_what_was_tolerated_is_kept_with_the_document(practice):
    cda = fictional_cda(type_code="51851-4")
    (sent,) = read_archive(fictional_archive(cda)).documents
    digest = (sent.entry.hash or "").encode()
    archive = changed(fictional_archive(cda), METADATA, digest, digest.upper())

    practice.file(changed(archive, METADATA, b'"51851-4"', b'"11488-4"'))

    (found,) = practice.documents()
    assert noted(found.warnings) == ("upper_case_hash", Tolerance.TYPE_DIFFERS, Tolerance.TYPE_OUTSIDE_DMP)
    assert found.entry.type_code is not None
    assert found.entry.type_code.code == "51851-4"


def test_an_id_with_an_extension_is_filed_with_a_warning(practice):
    cda = fictional_cda()
    root = read_cda(cda).id.root.encode()
    extended = cda.replace(b'<id root="' + root + b'"/>', b'<id root="1.2.250.1.71.4.2.2.42" extension="A71"/>')

    (outcome,) = practice.file(fictional_archive(extended))

    assert outcome.unique_id == "1.2.250.1.71.4.2.2.42^A71"
    assert noted(outcome.warnings) == (Tolerance.ID_OUTSIDE_DMP,)


def test_flags_that_the_decision_obliges_to_are_added_once():
    (prepared,) = prepare_archive(fictional_archive(), STRICT)
    obligations = (Obligation.APPLIQUER_MASQUE_DEFAUT, Obligation.FORCER_INVISIBLE_RL)
    decision = Decision(Verdict.PERMIT, Reason.OK, obligations, ())

    codes = confidentiality_of(prepared, decision)
    again = confidentiality_of(replace(prepared, entry=replace(prepared.entry, confidentiality=codes)), decision)

    assert [code.code for code in codes] == ["N", "MASQUE_PS", "INVISIBLE_REPRESENTANTS_LEGAUX"]
    assert again == codes
