"""`python -m tests.architecture.join_requirements`: write the test column of requirements.csv from the tests' marks.

The other columns are written by hand; a mark whose requirement has no row is named and is an error.
"""

import csv
import sys

from tests.architecture.requirements import COLUMNS, TABLE, marked_tests, rows
from tests.architecture.source import ROOT


def main() -> None:
    """Write the column anew, rows sorted by requirement."""
    marked, table = marked_tests(), rows()
    unknown = sorted(set(marked) - {row["id"] for row in table})
    if unknown:
        sys.exit(f"{TABLE.relative_to(ROOT)}: add a row for {', '.join(unknown)}")
    for row in table:
        row["test"] = ";".join(sorted(str(path.relative_to(ROOT)) for path in marked[row["id"]]))
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(table, key=lambda row: row["id"]))


if __name__ == "__main__":
    main()
