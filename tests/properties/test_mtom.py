"""MTOM: packing then unpacking is identity; any bytes give a package or a protocol error."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from dmp_bridge.transport.mtom import Attachment, read_package, write_package
from vaguemestre.kernel.errors import ProtocolError

pieces = st.lists(
    st.sampled_from([b"--b", b"--b--", b"\r\n", b"\n", b"Content-ID: <a>", b"Content-Type: application/soap+xml", b"x"])
).map(b"".join)


@given(st.binary(min_size=1), st.lists(st.binary(), max_size=4))
def test_unpacking_gives_what_was_packed(envelope: bytes, contents: list[bytes]):
    attachments = [Attachment(f"{place}@x", content) for place, content in enumerate(contents)]

    package = read_package(*write_package(envelope, attachments))

    assert package.envelope == envelope
    assert package.attachments == {each.content_id: each.content for each in attachments}


@given(st.one_of(st.binary(), pieces), st.sampled_from(['multipart/related; boundary="b"', "multipart/related", "x"]))
def test_any_bytes_give_a_package_or_an_error(body: bytes, content_type: str):
    with contextlib.suppress(ProtocolError):
        read_package(content_type, body)
