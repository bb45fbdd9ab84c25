"""A connection to an IMAP server elsewhere that goes no further than its greeting."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailstore.elsewhere import Server, ServerAway, open_connection
from tests.fictional.structure_keys import issue_rsa
from tests.standins.hostile_imap import hostile_imap
from vaguemestre.app.pki import Authority

NOW = datetime.now(UTC)


@pytest.mark.parametrize("ending", ["cuts", "stalls"])
async def test_a_server_that_only_greets_is_away(tmp_path: Path, ending: str) -> None:
    authority = Authority.create(NOW - timedelta(days=1))
    authority.save(tmp_path)
    pair = issue_rsa(authority, "localhost", NOW, hosts=("localhost",))

    async with hostile_imap(pair, tmp_path, cuts=ending == "cuts", stalls=ending == "stalls") as hostile:
        server = Server(
            host="localhost", login="app@ch.test", port=hostile.port, authority=tmp_path / "ca.pem", timeout_s=1
        )
        with pytest.raises(ServerAway):
            async with open_connection(server, "Motdepasse-1"):
                raise AssertionError("signed in")
