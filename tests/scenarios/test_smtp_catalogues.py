"""The same conversation on SQLite and on PostgreSQL, with bodies in rows and in blobs."""

from pathlib import Path

import pytest

from access_core.reasons import Reason
from smtp_gateway.conversation import conversations_of_patient
from tests.unit.smtp_gateway.world import MARTIN, PATIENT, PEER, Options, World, letter, running


@pytest.mark.parametrize("inline_bytes", [0, 32_768], ids=["blobs", "rows"])
def test_first_conversation(tmp_path: Path, database_url: str, inline_bytes: int) -> None:
    with running(tmp_path, Options(database_url=database_url, inline_bytes=inline_bytes)) as world:
        client = world.at_submission()
        client.sendmail(MARTIN, [PATIENT], letter(MARTIN, PATIENT, Message_ID="<1@demo>"))
        conversation_id = last(world)
        first = world.run(world.replies.reply(world.patient(), conversation_id, "Merci."))
        client.sendmail(MARTIN, [PATIENT], letter(MARTIN, PATIENT, "[FIN]", Message_ID="<2@demo>"))
        second = world.run(world.replies.reply(world.patient(), conversation_id, "Encore."))
        client.quit()
        peer = world.at_mx()
        peer.sendmail(PEER, [PATIENT, MARTIN], letter(PEER, PATIENT, References="<1@demo>"))
        peer.quit()

        assert first.decision.allowed
        assert second.decision.reason is Reason.C_ECHANGE_CLOS
        assert len(world.messages(PATIENT)) == 3
        assert len(world.messages(MARTIN)) == 2
        assert len(world.messages(PATIENT, "Envoyés")) == 1


def last(world: World) -> str:
    return world.database.read_now(lambda tx: conversations_of_patient(tx, world.patient().id)[0].id)
