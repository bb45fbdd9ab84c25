"""`vaguemestre doctor --dns`: what to publish, and whether it is published."""

import json
from pathlib import Path
from typing import Any

import dns.name
import dns.zone
import pytest

from tests.standins.dns_server import DnsServer
from tests.standins.ports import free_port
from tests.unit.app.conftest import DOMAIN, Run

PATIENTS = "patient.mssante.fr"


def published(run: Run) -> list[str]:
    return run("doctor", "--dns").stdout.splitlines()


def checked(run: Run, server: str) -> tuple[int, list[Any]]:
    done = run("doctor", "--check-dns", "--dns-server", server, "--json")
    return done.exit_code, json.loads(done.stdout)


@pytest.mark.requirement("MSS2:ECO.1.1.9")
def test_every_record_of_a_domain_is_listed(run: Run, instance_folder: Path) -> None:
    wanted = json.loads(run("doctor", "--dns", "--json").stdout)

    names = {(each["name"], each["type"]) for each in wanted}
    services = ("_imaps", "_imap", "_submissions", "_submission", "_autodiscover")
    assert {(f"{service}._tcp.{DOMAIN}.", "SRV") for service in services} <= names
    for domain in (DOMAIN, PATIENTS):
        assert {
            (f"{domain}.", "MX"),
            (f"{domain}.", "TXT"),
            (f"vm-rsa._domainkey.{domain}.", "TXT"),
            (f"vm-ed25519._domainkey.{domain}.", "TXT"),
            (f"_dmarc.{domain}.", "TXT"),
            (f"_mta-sts.{domain}.", "TXT"),
            (f"mta-sts.{domain}.", "CNAME"),
        } <= names
    assert (f"_imaps._tcp.{PATIENTS}.", "SRV") not in names
    values = {each["name"]: each["value"] for each in wanted}
    keys = (instance_folder / "vaguemestre.toml").read_text(encoding="utf-8")
    assert values[f"vm-rsa._domainkey.{DOMAIN}."] in keys


def test_the_settings_say_what_is_published(run: Run, instance_folder: Path) -> None:
    with (instance_folder / "vaguemestre.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[setup]\nhost = "mail.exemple.fr"\nportal_host = "www.exemple.fr"\n'
            'mx_hosts = ["mx1.exemple.fr", "mx2.exemple.fr"]\nreports_to = "rapports@exemple.fr"\n'
            'dmarc_policy = "quarantine"\nspf_also = ["ip4:192.0.2.7"]\nmta_sts_mode = "none"\n'
        )

    lines = published(run)

    assert f"{DOMAIN}. IN MX 10 mx1.exemple.fr." in lines
    assert f"{DOMAIN}. IN MX 20 mx2.exemple.fr." in lines
    assert f'{DOMAIN}. IN TXT "v=spf1 mx ip4:192.0.2.7 -all"' in lines
    assert f'_dmarc.{DOMAIN}. IN TXT "v=DMARC1; p=quarantine; adkim=s; aspf=s; rua=mailto:rapports@exemple.fr"' in lines
    assert f'_smtp._tls.{DOMAIN}. IN TXT "v=TLSRPTv1; rua=mailto:rapports@exemple.fr"' in lines
    assert f"autoconfig.{DOMAIN}. IN CNAME www.exemple.fr." in lines
    assert not [line for line in lines if "mta-sts" in line]


def test_the_lines_are_those_of_a_zone_file(run: Run) -> None:
    own = [line for line in published(run) if f"{DOMAIN}. IN" in line]

    zone = dns.zone.from_text(
        "\n".join(["$TTL 3600", f"{DOMAIN}. IN SOA a. b. 1 2 3 4 5", *own]), DOMAIN, check_origin=False
    )

    [key] = zone.find_rdataset(f"vm-rsa._domainkey.{DOMAIN}.", "TXT")
    assert max(len(part) for part in key.strings) <= 255
    assert b"".join(key.strings).startswith(b"v=DKIM1; k=rsa; p=MIIB")


def test_doctor_says_them_after_its_findings(run: Run) -> None:
    said = run("doctor").stdout

    assert all(line in said for line in published(run))


def test_a_domain_that_publishes_all_is_found_so(run: Run) -> None:
    with DnsServer(published(run)) as server:
        code, rows = checked(run, server.address)

    assert code == 0
    assert {row["state"] for row in rows} == {"publié"}


def test_what_is_missing_or_different_is_named(run: Run) -> None:
    lines = [
        line for line in published(run) if not line.startswith((f"_imaps._tcp.{DOMAIN}.", f"autoconfig.{DOMAIN}."))
    ]
    changed = [line.replace("p=reject", "p=none") for line in lines]
    others = [f'{DOMAIN}. IN TXT "google-site-verification=x"', f"autoconfig.{DOMAIN}. IN A 192.0.2.1"]
    twice = [f'{PATIENTS}. IN TXT "v=spf1 -all"']

    with DnsServer([*changed, *others, *twice]) as server:
        code, rows = checked(run, server.address)

    states = {(row["name"], row["type"]): row["state"] for row in rows if row["state"] != "publié"}
    assert code == 1
    assert states == {
        (f"_imaps._tcp.{DOMAIN}.", "SRV"): "absent",
        (f"_dmarc.{DOMAIN}.", "TXT"): "différent",
        (f"_dmarc.{PATIENTS}.", "TXT"): "différent",
        (f"{PATIENTS}.", "TXT"): "différent",  # two SPF records are an error (RFC 7208 §4.5)
    }


def test_a_server_that_does_not_answer_is_said(run: Run) -> None:
    code, rows = checked(run, f"127.0.0.1:{free_port()}")

    assert code == 1
    assert {row["state"] for row in rows} == {"sans réponse"}


def test_a_server_that_is_no_address_is_refused(run: Run) -> None:
    refused = run("doctor", "--check-dns", "--dns-server", "pas-une-adresse")

    assert refused.exit_code == 1
    assert "adresse IP" in str(refused.exception)
