import pytest

from access_core.decision import ALERT_SENTENCES, Decision, Obligation, Verdict
from access_core.reasons import Reason


def test_a_decision_has_no_truth_value():
    decision = Decision(Verdict.PERMIT, Reason.OK, (), ())

    with pytest.raises(TypeError, match="allowed"):
        bool(decision)


@pytest.mark.parametrize(("verdict", "allowed"), [("PERMIT", True), ("DENY", False), ("DEFER", False)])
def test_only_a_permit_is_allowed(verdict, allowed):
    decision = Decision(Verdict(verdict), Reason.OK, (), ())

    assert decision.allowed is allowed


def test_tracing_goes_with_every_decision():
    decision = Decision(Verdict.PERMIT, Reason.OK, (Obligation.NOTIF_TITULAIRE,), ())

    assert decision.duties == (Obligation.TRACE, Obligation.NOTIF_TITULAIRE)


def test_alerts_have_the_words_of_the_integration_guide():
    assert ALERT_SENTENCES[Obligation.ALERTE_INVISIBLE_PATIENT] == (
        "Attention, ce document n'est pas visible du patient"
    )
    assert ALERT_SENTENCES[Obligation.ALERTE_INVISIBLE_RL].endswith("le secret du mineur titulaire du DMP")
