"""The source as the architecture tests see it."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "vaguemestre" / "app" / "migrations" / "versions"
PACKAGES = ("access_core", "mailstore", "smtp_gateway", "dmp_bridge", "portal", "vaguemestre")


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method, and where it stands."""

    path: Path
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def place(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.node.lineno} {self.node.name}"

    @property
    def lines(self) -> int:
        """Lines of its body, docstring left out."""
        body = self.node.body[1:] if ast.get_docstring(self.node) else self.node.body
        return (self.node.end_lineno or 0) - body[0].lineno + 1 if body else 0

    @property
    def parameters(self) -> int:
        """Number of parameters, self and cls left out."""
        arguments = self.node.args
        names = [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        return len(names) - (names[:1] in (["self"], ["cls"]))


def python_files(*folders: str) -> list[Path]:
    """Return the Python files of these folders, sorted."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py") if path.parent != GENERATED)


def functions(*folders: str) -> Iterator[Function]:
    """Yield every function of these folders."""
    for path in python_files(*folders):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield Function(path, node)


def kept_files() -> list[Path]:
    """Return the files that belong to the project: tracked, or new and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file())
