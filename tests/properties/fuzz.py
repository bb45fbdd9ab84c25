"""`make fuzz`: random input for every parser and model, each property module for an equal share of the time.

A module is run with other examples again and again until its share has passed; a run that has begun is let to its end,
since an example that fails is worth its shortest form. The first failure ends everything, with exit status 1.
"""

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
DEFAULT_S = 600.0


def main(arguments: list[str]) -> int:
    """Fuzz for as many seconds as the first argument says, roughly; returns the exit status."""
    modules = sorted(HERE.glob("test_*.py"))
    share_s = (float(arguments[0]) if arguments else DEFAULT_S) / len(modules)
    for module in modules:
        begun, runs = time.monotonic(), 0
        while runs == 0 or time.monotonic() - begun < share_s:
            run = subprocess.run(
                [sys.executable, "-m", "pytest", str(module), "-q", "-x", "--hypothesis-profile=fuzz"],
                capture_output=True,
                text=True,
                check=False,
            )
            if run.returncode != 0:
                print(run.stdout + run.stderr, flush=True)
                return 1
            runs += 1
        print(f"{module.stem}: {runs} run(s) in {time.monotonic() - begun:.0f} s, nothing found", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
