"""Ids, keys, XML and logs."""

import io
import json
from pathlib import Path

import pytest

from vaguemestre.kernel import log
from vaguemestre.kernel.errors import ConfigurationError, IntegrityError, ProtocolError
from vaguemestre.kernel.ids import new_id
from vaguemestre.kernel.keys import InstanceKey
from vaguemestre.kernel.xml import parse_xml


def test_ids_are_distinct_and_version_7():
    ids = [new_id() for _ in range(1_000)]

    assert len(set(ids)) == 1_000
    assert {(len(each), each[12]) for each in ids} == {(32, "7")}
    assert {each[16] for each in ids} <= set("89ab")


def test_a_sealed_secret_opens_in_its_context_only(tmp_path: Path):
    path = tmp_path / "instance.key"
    InstanceKey.create(path)
    key = InstanceKey.load(path)
    sealed = key.seal(b"secret", b"mailbox:1")

    assert key.open(sealed, b"mailbox:1") == b"secret"
    assert InstanceKey.load(path).open(sealed, b"mailbox:1") == b"secret"
    with pytest.raises(IntegrityError):
        key.open(sealed, b"mailbox:2")
    with pytest.raises(IntegrityError):
        key.open(sealed[:-1], b"mailbox:1")


def test_a_key_file_that_others_can_read_or_that_exists_is_refused(tmp_path: Path):
    path = tmp_path / "instance.key"
    InstanceKey.create(path)

    with pytest.raises(ConfigurationError, match="exists"):
        InstanceKey.create(path)
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        InstanceKey.load(path)


@pytest.mark.parametrize(
    "document",
    [
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        b"<a>&undefined;</a>",
        b"<a>",
        b"",
        b"\xff\xfe\x00",
        b"<a>" * 250 + b"</a>" * 250,
    ],
)
def test_hostile_xml_is_refused(document: bytes):
    with pytest.raises(ProtocolError):
        parse_xml(document, max_bytes=10_000)


def test_xml_over_the_limit_is_refused_unread():
    with pytest.raises(ProtocolError, match="more than 10 bytes"):
        parse_xml(b"<a>" + b" " * 20 + b"</a>", max_bytes=10)


def test_logs_keep_allowed_keys_only():
    stream = io.StringIO()
    log.configure(stream, role="test")

    log.get_logger(__name__).info("message_accepted", size_bytes=3, subject="Résultats", error=ValueError("INS 2790"))
    log.configure()

    line = json.loads(stream.getvalue())
    assert line["event"] == "message_accepted"
    assert line["role"] == "test"
    assert line["size_bytes"] == 3
    assert line["error"] == "ValueError"
    assert "subject" not in line
    assert "2790" not in stream.getvalue()
    assert log.dropped["subject"] >= 1
