"""The door: what the published rules say of documents."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dmp_bridge.validation.rules import LENGTH_BYTES, NONE, PublishedRules
from vaguemestre.kernel.children import ChildRun, run_child

CHILD = "dmp_bridge.validation.child"
SCHEMA_CHECK = "schema"
MAX_ANSWER_BYTES = 64 * 1024 * 1024


class Severity(StrEnum):
    """How much a fault matters: an error breaks a rule, a warning a recommendation."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One rule that a document breaks. The text may quote the document: for its owner, never for a log.

    Attributes:
        check: `schema` or `schematron`.
        place: path of the element.
    """

    severity: Severity
    check: str
    place: str
    text: str


def check_documents(documents: Sequence[bytes], rules: PublishedRules) -> list[tuple[Fault, ...] | None] | None:
    """Judge documents, all in one child process; blocks for up to `rules.seconds`.

    Returns:
        For each document its faults, schema before schematron, or None when it is no CDA; None instead of the list
        when the rules cannot be used: absent, broken, too slow, extra `validation` not installed.
    """
    files = [str(each) if each else NONE for each in (rules.schema, rules.schematron)]
    run = ChildRun(
        module=CHILD,
        arguments=[*files, str(rules.seconds)],
        seconds=rules.seconds,
        max_answer_bytes=MAX_ANSWER_BYTES,
    )
    answer = run_child(run, b"".join(len(each).to_bytes(LENGTH_BYTES, "big") + each for each in documents))
    return None if answer is None else [_faults(found) for found in json.loads(answer)]


def _faults(found: list[dict[str, str]] | None) -> tuple[Fault, ...] | None:
    if found is None:
        return None
    return tuple(
        Fault(severity=Severity(each["severity"]), check=each["check"], place=each["place"], text=each["text"])
        for each in found
    )
