"""Rotation of the keys that sign: at no moment does a signature lack its published key."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smtp_gateway.config import DkimSettings
from smtp_gateway.dkim import DkimCheck, KeyCache
from smtp_gateway.dkim_keyring import STATE_FILE, SigningKeyring, read_state
from smtp_gateway.dkim_sign import sign
from smtp_gateway.header import HeaderBlock
from vaguemestre.app.dkim_keys import create_dkim_keys
from vaguemestre.app.dkim_rotation import STAYS_PUBLISHED, activate, prepare
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.errors import ConfigurationError

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
PASSED = ["pass", "pass"]
DOMAIN = "demo.mssante.fr"
HEADER = HeaderBlock.parse(b"From: a@demo.mssante.fr\r\nSubject: x\r\n")


class Zone(dict[str, str]):
    """What DNS says."""

    async def lookup(self, name: str) -> str | None:
        return self.get(name)

    def verifies(self, keyring: SigningKeyring) -> list[str]:
        """Say of each signature whether the published keys verify it."""
        body = b"Bonjour.\r\n"
        signatures = b"".join(sign(HEADER, body, DOMAIN, keyring(), NOW))
        check = DkimCheck(HeaderBlock.parse(signatures + HEADER.to_bytes()), max_signatures=3)
        check.update(body)
        keys = KeyCache(dict(self), None, ManualClock(NOW))
        return [each.outcome for each in asyncio.run(check.finish(keys, now_s=NOW.timestamp()))]


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    zone = Zone()
    for key in create_dkim_keys():
        key.write(tmp_path)
        zone[f"{key.selector}._domainkey.{DOMAIN}"] = key.record
    return zone


@pytest.mark.requirement("VGM:DKIM-02")
def test_mail_verifies_before_during_and_after_a_rotation(tmp_path: Path, zone: Zone) -> None:
    settings = DkimSettings(key_folder=tmp_path)
    keyring = SigningKeyring(settings)
    assert zone.verifies(keyring) == PASSED

    prepared = prepare(settings, (DOMAIN,), NOW)
    assert zone.verifies(keyring) == PASSED
    too_early = activate(settings, (DOMAIN,), NOW, lookup=zone.lookup)
    assert zone.verifies(keyring) == PASSED
    zone.update(prepared.records)
    done = activate(settings, (DOMAIN,), NOW, lookup=zone.lookup)

    assert (too_early.step, set(too_early.missing)) == ("prepared", set(prepared.records))
    assert done.step == "activated"
    assert zone.verifies(keyring) == PASSED
    assert [key.selector for key in keyring()] == ["vm-rsa-20261123", "vm-ed25519-20261123"]
    assert set(done.withdraw) == {f"vm-rsa._domainkey.{DOMAIN}", f"vm-ed25519._domainkey.{DOMAIN}"}
    assert done.withdraw_after == NOW + STAYS_PUBLISHED
    assert {path.name for path in tmp_path.glob("dkim-*.pem")} == {f"dkim-{name}.pem" for name in done.signing}


def test_preparing_twice_shows_the_same_keys(tmp_path: Path, zone: Zone) -> None:
    settings = DkimSettings(key_folder=tmp_path)

    first, second = (prepare(settings, (DOMAIN,), NOW + timedelta(days=day)) for day in (0, 1))

    assert first.records == second.records


def test_record_that_differs_is_not_published(tmp_path: Path, zone: Zone) -> None:
    settings = DkimSettings(key_folder=tmp_path)
    prepared = prepare(settings, (DOMAIN,), NOW)
    zone.update(dict.fromkeys(prepared.records, "v=DKIM1; k=rsa; p="))

    assert activate(settings, (DOMAIN,), NOW, lookup=zone.lookup).missing
    assert activate(settings, (DOMAIN,), NOW).step == "activated"


def test_nothing_is_changed_without_new_keys_or_twice_a_day(tmp_path: Path, zone: Zone) -> None:
    settings = DkimSettings(key_folder=tmp_path)
    with pytest.raises(ConfigurationError, match="aucune nouvelle clé"):
        activate(settings, (DOMAIN,), NOW)
    prepare(settings, (DOMAIN,), NOW)
    activate(settings, (DOMAIN,), NOW)

    with pytest.raises(ConfigurationError, match="aujourd'hui"):
        prepare(settings, (DOMAIN,), NOW)


def test_state_that_cannot_be_read_leaves_the_keys_in_use(tmp_path: Path, zone: Zone) -> None:
    settings = DkimSettings(key_folder=tmp_path)
    keyring = SigningKeyring(settings)

    (tmp_path / STATE_FILE).write_text("{")

    assert zone.verifies(keyring) == PASSED
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_state(settings)
