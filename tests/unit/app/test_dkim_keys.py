"""DKIM keys: what `init` makes signs mail that an independent implementation verifies."""

from pathlib import Path

import dkim
import pytest

from vaguemestre.app.dkim_keys import create_dkim_keys, public_record

MAIL = b"From: a@demo.mssante.fr\r\nSubject: x\r\n\r\nbonjour\r\n"


def test_the_rsa_key_and_its_record_belong_together(tmp_path: Path) -> None:
    key, _ = create_dkim_keys()
    signature = dkim.sign(MAIL, key.selector.encode(), b"demo.mssante.fr", key.private_pem)

    verified = dkim.verify(signature + MAIL, dnsfunc=lambda name, timeout=5: key.record.encode())

    assert verified


def test_both_records_name_their_algorithm() -> None:
    records = {key.selector: key.record for key in create_dkim_keys()}

    assert records["vm-rsa"].startswith("v=DKIM1; k=rsa; p=MIIB")
    assert records["vm-ed25519"].startswith("v=DKIM1; k=ed25519; p=")
    assert len(records["vm-ed25519"].partition("p=")[2]) == 44


def test_what_is_neither_rsa_nor_ed25519_has_no_record() -> None:
    with pytest.raises(ValueError, match=r"PEM|key"):
        public_record(b"-----BEGIN NOTHING-----\n-----END NOTHING-----\n")
