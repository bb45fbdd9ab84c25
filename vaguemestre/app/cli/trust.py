"""`vaguemestre trust`: the MSSanté whitelist of this instance."""

from pathlib import Path
from typing import Annotated

import typer

from vaguemestre.app.cli.shared import AsJson, Config, Refused, print_facts, read_settings

commands = typer.Typer(help="Espace de confiance.", no_args_is_help=True)


@commands.command()
def load(
    file: Annotated[Path, typer.Argument(metavar="FILE.xml", help="Liste blanche au format national.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Met une liste en place si elle se lit en entier ; « serve » la prend au prochain SIGHUP."""
    from smtp_gateway.trust.refresh import load_by_hand
    from vaguemestre.kernel.clock import SystemClock

    trust = read_settings(config).trust
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Refused(f"{file} : illisible ({error.strerror})") from None
    whitelist = load_by_hand(data, trust, SystemClock().now())
    facts = {
        "generated_at": whitelist.generated_at,
        "domains": len(whitelist.subjects),
        "signer": whitelist.signer,
    }
    print_facts(facts, as_json=as_json)


@commands.command()
def refresh(config: Config = None, as_json: AsJson = False) -> None:
    """Va chercher la liste publiée ([trust] url) et la met en place si elle passe les contrôles."""
    from smtp_gateway.trust.refresh import Outcome
    from smtp_gateway.trust.refresh import refresh as refresh_list
    from vaguemestre.kernel.clock import SystemClock

    done = refresh_list(read_settings(config).trust, SystemClock().now())
    if done.outcome is Outcome.REJECTED:
        raise Refused(f"liste refusée : {done.reason} ; celle en vigueur reste en place")
    print_facts({"outcome": done.outcome, "generated_at": done.generated_at}, as_json=as_json)


@commands.command()
def show(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="Domaine à chercher.")],
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="FILE.pem", help="Certificat que montre un opérateur.")
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Dit si un domaine, ou le certificat montré pour lui, est de confiance, et pourquoi."""
    from smtp_gateway.trust.admission import load_list
    from smtp_gateway.trust.explaining import explain_certificate, explain_domain, explain_list
    from smtp_gateway.trust.revocation import Revocation
    from vaguemestre.kernel.clock import SystemClock

    settings, clock = read_settings(config), SystemClock()
    whitelist = load_list(settings.trust)
    listed = explain_domain(whitelist, domain)
    if not listed.passed:
        raise Refused(listed.sentence)
    findings = [listed, *explain_list(whitelist, settings.trust, clock.now())]
    if certificate is not None:
        pki = settings.pki
        revocation = Revocation.build(pki.authority, pki.revocation, settings.trust, clock)
        findings += explain_certificate(_der(certificate), domain, whitelist, revocation)
    trusted = all(each.passed for each in findings)
    facts = {
        "domain": domain.lower(),
        "trusted": trusted,
        "why": [f"{'oui' if each.passed else 'NON'} : {each.sentence}" for each in findings],
        "subjects": sorted(str(subject) for subject in whitelist.subjects[domain.lower()]),
        "generated_at": whitelist.generated_at,
    }
    print_facts(facts, as_json=as_json)
    if not trusted:
        raise typer.Exit(1)


def _der(path: Path) -> bytes:
    """Read the first certificate of a PEM file."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0].public_bytes(Encoding.DER)
    except (OSError, ValueError):
        raise Refused(f"{path} : ce n'est pas un certificat PEM") from None
