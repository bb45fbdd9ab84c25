"""Child process: judges the documents of standard input by a schema and a schematron; answers in JSON.

Run as `python -I -m dmp_bridge.validation.child SCHEMA|- SCHEMATRON|- SECONDS`. It may read files (the schematron
names others), and nothing else. Exit status 1: the schema or schematron cannot be used.
"""

import json
import resource
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from lxml import etree

from dmp_bridge.cda.reader import clinical_document
from dmp_bridge.refusals import ExchangeError
from dmp_bridge.validation.rules import LENGTH_BYTES, NONE
from dmp_bridge.validation.schematron import FINDING, compile_schematron
from vaguemestre.kernel.confinement import ChildLimits, limit_process

ADDRESS_BYTES = 64 * 1024**3  # the schematron engine reserves far more address space than it uses
MEMORY_BYTES = 4 * 1024**3
MAX_FAULTS = 200


class Judge:
    """The published rules, read once; judges any number of documents."""

    def __init__(self, schema: Path | None, schematron: Path | None) -> None:
        """Read and compile the rules.

        Raises:
            OSError, etree.LxmlError, ImportError: a file cannot be used, or the extra `validation` is absent.
        """
        self._schema = None if schema is None else etree.XMLSchema(etree.parse(str(schema)))
        self._schematron = None if schematron is None else Schematron(schematron)

    def faults(self, data: bytes) -> list[dict[str, str]] | None:
        """Return what a document breaks, schema first; None when it is no CDA."""
        try:
            document = clinical_document(data, max_bytes=len(data))
        except ExchangeError:
            return None
        # A schema judges a document: what stands around a self-presenting one is not its own.
        alone = etree.fromstring(etree.tostring(document, with_tail=False), _parser())
        found = self._schema_faults(alone)
        return (found + ([] if self._schematron is None else self._schematron.faults(alone)))[:MAX_FAULTS]

    def _schema_faults(self, document: etree._Element) -> list[dict[str, str]]:
        if self._schema is None or self._schema.validate(document):
            return []
        return [
            {"severity": "error", "check": "schema", "place": each.path or "", "text": each.message}
            for each in cast("Iterable[Any]", self._schema.error_log)
        ]


class Schematron:
    """A compiled schematron."""

    def __init__(self, path: Path) -> None:
        from saxonche import PySaxonProcessor  # type: ignore[import-not-found]

        self._saxon = PySaxonProcessor(license=False)
        compiler = self._saxon.new_xslt30_processor()
        self._sheet = compiler.compile_stylesheet(stylesheet_text=compile_schematron(path).decode())

    def faults(self, document: etree._Element) -> list[dict[str, str]]:
        """Return what a document breaks."""
        node = self._saxon.parse_xml(xml_text=etree.tostring(document, encoding="unicode"))
        found = etree.fromstring(self._sheet.transform_to_string(xdm_node=node).encode(), _parser())
        return [
            {
                "severity": "warning" if each.get("role") == "warning" else "error",
                "check": "schematron",
                "place": each.get("location", "").replace("Q{urn:hl7-org:v3}", ""),
                "text": " ".join((each.text or "").split()),
            }
            for each in found.iter(FINDING)
        ]


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)


def documents_of(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the documents of standard input: each after its length, eight bytes, big-endian."""
    while size := stream.read(LENGTH_BYTES):
        yield stream.read(int.from_bytes(size, "big"))


def main(arguments: list[str]) -> int:
    """Judge standard input; returns the exit status."""
    schema, schematron, seconds = arguments
    limit_process(ChildLimits(memory_bytes=ADDRESS_BYTES, seconds=int(seconds), threads=True))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        judge = Judge(*(None if each == NONE else Path(each) for each in (schema, schematron)))
        faults = [judge.faults(each) for each in documents_of(sys.stdin.buffer)]
    except Exception:  # noqa: BLE001 - whatever is wrong with the rules, the parent says that they cannot be used
        return 1
    sys.stdout.write(json.dumps(faults))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
