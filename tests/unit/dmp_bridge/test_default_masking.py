"""Masking by default, on and off: what a person or an author masked stays masked."""

from dataclasses import replace

import pytest

from access_core.activation import Activation, activate
from access_core.case_acts import BY_CARD, SIGNED_IN, Asking
from access_core.reasons import Reason
from dmp_bridge.record.acts import Change, mask_document, unmask_document
from dmp_bridge.record.masking import set_default_masking
from dmp_bridge.record.model import MaskSetter, RecordedDocument
from tests.unit.dmp_bridge.conftest import Practice, on_each_engine
from vaguemestre.app.demo.fictional_documents import fictional_archive, fictional_cda


@pytest.fixture
def active(practice: Practice) -> Practice:
    """The practice, its patient having activated her space."""
    given = Activation(activated_at=practice.clock.now(), encoded_password="-", sealed_totp=b"-")
    return replace(practice, patient=practice.write(lambda tx: activate(tx, practice.patient.id, given)))


def by_patient(practice: Practice) -> Asking:
    """The patient, signed in."""
    return Asking(profile=practice.patient, actor=practice.patient, session=SIGNED_IN, now=practice.clock.now())


def by_author(practice: Practice) -> Asking:
    """The doctor who filed, by card."""
    return Asking(profile=practice.patient, actor=practice.case().sender, session=BY_CARD, now=practice.clock.now())


def set_default(practice: Practice, *, masked: bool) -> None:
    """Turn masking by default on or off."""
    outcome = practice.write(lambda tx: set_default_masking(tx, by_patient(practice), masked=masked))
    assert outcome.decision.reason is Reason.OK


def filed(practice: Practice) -> RecordedDocument:
    """File one document and return it."""
    (outcome,) = practice.file(fictional_archive(fictional_cda()))
    return next(each for each in practice.documents() if each.id == outcome.document_id)


def setters(practice: Practice) -> dict[str, MaskSetter | None]:
    """Who masked each document, by its id."""
    return {each.id: each.masked_by for each in practice.documents()}


@on_each_engine
@pytest.mark.requirement("VGM:ACCESS-MASK")
def test_the_end_of_the_default_shows_what_it_masked_and_nothing_else(active):
    before, by_holder, by_doctor = (filed(active) for _ in range(3))
    active.write(lambda tx: mask_document(tx, Change(asking=by_patient(active), found=by_holder)))
    active.write(lambda tx: mask_document(tx, Change(asking=by_author(active), found=by_doctor)))

    set_default(active, masked=True)
    after, chosen = (filed(active) for _ in range(2))
    active.write(lambda tx: mask_document(tx, Change(asking=by_patient(active), found=chosen)))
    while_on = setters(active)
    set_default(active, masked=False)

    assert (while_on[after.id], while_on[chosen.id]) == (MaskSetter.DEFAULT, MaskSetter.HOLDER)
    assert setters(active) == {
        before.id: None,
        by_holder.id: MaskSetter.HOLDER,
        by_doctor.id: MaskSetter.AUTHOR,
        after.id: None,
        chosen.id: MaskSetter.HOLDER,
    }
    shown = {each.id for each in active.documents() if not each.masked}
    assert shown == {before.id, after.id}
    assert {each.version for each in active.documents() if each.id == after.id} == {2}


def test_an_author_does_not_make_a_mask_of_the_holder_his_own(active):
    found = filed(active)
    active.write(lambda tx: mask_document(tx, Change(asking=by_patient(active), found=found)))
    (masked,) = active.documents()

    active.write(lambda tx: mask_document(tx, Change(asking=by_author(active), found=masked)))
    (again,) = active.documents()
    lifted = active.write(lambda tx: unmask_document(tx, Change(asking=by_author(active), found=again)))

    assert again.masked_by is MaskSetter.HOLDER
    assert lifted.decision.reason is Reason.H_TITULAIRE_REQUIS
