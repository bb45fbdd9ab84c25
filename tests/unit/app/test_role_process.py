"""What a role process logs when something breaks that nobody caught."""

import asyncio
import io
import json

from vaguemestre.app.role_process import log_unhandled
from vaguemestre.kernel.log import configure


async def test_the_log_says_where_and_never_what_the_exception_said() -> None:
    stream = io.StringIO()
    configure(stream, role="imap")
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_unhandled)

    loop.call_soon(fail_on, "279035121518989")
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    event = json.loads(stream.getvalue())
    assert (event["event"], event["error"]) == ("unhandled_exception", "KeyError")
    assert "test_role_process.py:" in event["place"]
    assert "279035121518989" not in stream.getvalue()


def fail_on(value: str) -> None:
    raise KeyError(value)
