"""`python -m vaguemestre.app.migrations revision "add the queue"`: write the next migration.

It compares what the packages declare with a throw-away SQLite catalogue brought to the newest revision; read and
correct what it wrote before it is committed.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from vaguemestre.app.migrations import config_for
from vaguemestre.kernel.engines import build_writer


def write_revision(message: str) -> Path:
    """Write the file of the next revision, numbered 0001, 0002 …; returns its path."""
    with tempfile.TemporaryDirectory() as folder:
        engine = build_writer(f"sqlite:///{folder}/catalogue.db")
        with engine.begin() as connection:
            config = config_for(connection)
            number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
            command.upgrade(config, "head")
            script = command.revision(config, message, autogenerate=True, rev_id=f"{number:04d}")
        engine.dispose()
    assert script is not None
    assert not isinstance(script, list)
    path = Path(script.path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.lstrip().startswith("# ###")), encoding="utf-8")
    return path


def main() -> None:
    """Read the arguments and write the revision."""
    parser = argparse.ArgumentParser(prog="python -m vaguemestre.app.migrations")
    parser.add_argument("what", choices=["revision"])
    parser.add_argument("message", help="what changes, in the imperative")
    sys.stdout.write(f"{write_revision(parser.parse_args().message)}\n")


if __name__ == "__main__":
    main()
