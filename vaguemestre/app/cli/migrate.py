"""`vaguemestre migrate`: bring the catalogue to the schema of this release."""

from vaguemestre.app.cli.shared import AsJson, Config, print_facts, read_settings


def migrate(config: Config = None, as_json: AsJson = False) -> None:
    """Met le catalogue au schéma de cette version. Les processus en cours peuvent continuer."""
    from vaguemestre.app.migrations import current_revision
    from vaguemestre.app.migrations import migrate as bring_to_newest

    url = read_settings(config).database_url()
    before = current_revision(url)
    print_facts({"before": before, "now": bring_to_newest(url)}, as_json=as_json)
