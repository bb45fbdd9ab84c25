"""What one decision costs: every case of `tests/spec/access_cases.csv`, again and again.

Run `python -m benchmarks.decide`; the budget is 50 µs of CPU per decision.
"""

import time
from pathlib import Path
from typing import Final

from access_core.cases import read_cases
from access_core.decide import decide

CASES: Final = Path(__file__).resolve().parents[1] / "tests" / "spec" / "access_cases.csv"
ROUNDS: Final = 200
BUDGET_US: Final = 50.0


def measure(path: Path = CASES, rounds: int = ROUNDS) -> float:
    """Give the mean CPU time of one decision, in microseconds, facts already loaded."""
    cases = read_cases(path)
    started = time.process_time()
    for _ in range(rounds):
        for case in cases:
            given = case.given
            decide(given.subject, case.act, given.resource, given.context)
    return (time.process_time() - started) * 1e6 / (rounds * len(cases))


def main() -> None:
    """Print the figure, and fail when it is over budget."""
    cost = measure()
    print(f"decide: {cost:.1f} µs per decision (budget {BUDGET_US:.0f} µs)")
    raise SystemExit(cost > BUDGET_US)


if __name__ == "__main__":
    main()
