"""Every reason code that a trace can hold has a sentence."""

import pytest

from access_core.reasons import Reason
from dmp_bridge.refusals import Refusal as BridgeRefusal
from portal.sentences import sentence_of
from smtp_gateway.queue.model import Trouble
from smtp_gateway.replies import Refusal as GatewayRefusal


@pytest.mark.parametrize("code", sorted({*Reason, *BridgeRefusal, *GatewayRefusal, *Trouble} - {Reason.OK}))
def test_each_code_has_a_sentence(code: str):
    sentence = sentence_of(str(code))

    assert sentence.endswith((".", "!"))
    assert sentence[0].isupper()


def test_what_is_in_no_register_has_none():
    assert sentence_of("NOTHING") == ""
