"""`vaguemestre stats`: how much there is of everything, without a name."""

from vaguemestre.app.cli.shared import AsJson, Config, opened, print_facts


def stats(config: Config = None, as_json: AsJson = False) -> None:
    """Compte ce que l'instance contient."""
    from vaguemestre.app.figures import count_rows

    with opened(config) as instance:
        facts = instance.database.read_now(count_rows)
    print_facts(facts, as_json=as_json)
