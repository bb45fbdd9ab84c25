"""How many examples a property tries: so many usually, more by as much as the `fuzz` profile has more."""

from hypothesis import settings

USUAL_EXAMPLES = 100


def examples(usual: int) -> int:
    """Return how many examples to try where the usual profile tries USUAL; at the time when tests are collected."""
    return usual * settings.default.max_examples // USUAL_EXAMPLES
