"""The load generator's target: an instance with a trusted sender, accounts, and files that are really there."""

import tomllib
from pathlib import Path

from benchmarks.write_target import prepare
from smtp_gateway.trust.admission import load_list
from vaguemestre.app.settings import load_settings


def test_a_target_names_an_instance_that_is_ready(instance_folder: Path) -> None:
    config = instance_folder / "vaguemestre.toml"
    ports = load_settings(config, {}).instance.ports()

    text = prepare({"config": str(config), "ca": str(instance_folder / "pki" / "ca.pem"), "ports": ports}, 3)

    target, settings = tomllib.loads(text), load_settings(config, {})
    files = [target["smtp"][name] for name in ("ca", "cert", "key")] + [target["dkim"]["key"]]
    assert all(Path(name).is_file() for name in files)
    assert target["accounts"]["count"] == 3
    assert target["accounts"]["pattern"].format(n=2) == "bench.0002@demo.mssante.fr"
    assert target["imap"]["port"] == ports["imaps"]
    assert "bench._domainkey.peer.mssante.fr" in settings.dkim.public_keys
    assert load_list(settings.trust).lists("peer.mssante.fr")
