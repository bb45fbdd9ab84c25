"""ISO schematron to XSLT: the part of the language that the schematrons of CI-SIS are written in.

No packaged compiler translates `queryBinding="xslt2"`. Within a pattern a node is judged by the first rule whose
context it matches; a rule that extends an abstract rule has its assertions too.

Source: ISO/IEC 19757-3 §5, §6. Not supported: phases, abstract patterns, diagnostics.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from lxml import etree

SCHEMATRON = "http://purl.oclc.org/dsdl/schematron"
XSLT = "http://www.w3.org/1999/XSL/Transform"
BASE = "{http://www.w3.org/XML/1998/namespace}base"
FINDING = "finding"


def compile_schematron(path: Path) -> bytes:
    """Return a stylesheet that lists what a document breaks.

    Its result is `<findings>` with one `<finding role= location=>` per broken assertion; `doc()` in a test is
    resolved beside PATH.

    Raises:
        OSError, etree.XMLSyntaxError: a file of the schematron is absent or broken.
    """
    schema = _loaded(path)
    namespaces = {each.get("prefix", ""): each.get("uri", "") for each in schema.iter(_in("ns"))}
    sheet = etree.Element(_out("stylesheet"), nsmap={"xsl": XSLT, **namespaces}, version="3.0")
    sheet.set(BASE, path.resolve().as_uri())
    patterns = list(schema.iter(_in("pattern")))
    _add_start(sheet, len(patterns))
    abstract = {each.get("id", ""): each for each in schema.iter(_in("rule")) if each.get("abstract") == "true"}
    for number, pattern in enumerate(patterns):
        _add_pattern(sheet, f"p{number}", pattern, abstract)
    return etree.tostring(sheet)


def _loaded(path: Path) -> etree._Element:
    """Parse a schematron with what it includes in place."""
    root = etree.parse(str(path)).getroot()
    for include in list(root.iter(_in("include"))):
        parent = include.getparent()
        assert parent is not None
        parent.replace(include, _loaded(path.parent / include.get("href", "")))
    return root


def _add_start(sheet: etree._Element, patterns: int) -> None:
    etree.SubElement(sheet, _out("output"), method="xml", encoding="UTF-8")
    start = etree.SubElement(sheet, _out("template"), match="/", priority="0")
    findings = etree.SubElement(start, "findings")
    for number in range(patterns):
        etree.SubElement(findings, _out("apply-templates"), select="/", mode=f"p{number}")


def _add_pattern(
    sheet: etree._Element, mode: str, pattern: etree._Element, abstract: Mapping[str, etree._Element]
) -> None:
    """Write one mode: a template per rule, earlier rules first, and one that goes on below any other node."""
    rules = [each for each in pattern.iter(_in("rule")) if each.get("context")]
    for place, rule in enumerate(rules):
        context, priority = rule.get("context", ""), str(len(rules) - place)
        template = etree.SubElement(sheet, _out("template"), match=context, mode=mode, priority=priority)
        for statement in _statements(rule, abstract):
            _add_statement(template, statement)
        etree.SubElement(template, _out("apply-templates"), select="@*|*", mode=mode)
    rest = etree.SubElement(sheet, _out("template"), match="@*|node()", mode=mode, priority="0")
    etree.SubElement(rest, _out("apply-templates"), select="@*|*", mode=mode)


def _statements(rule: etree._Element, abstract: Mapping[str, etree._Element]) -> Iterator[etree._Element]:
    """Yield the lets and assertions of a rule and of those that it extends, in their order."""
    for statement in rule:
        if statement.tag == _in("extends"):
            yield from _statements(abstract[statement.get("rule", "")], abstract)
        else:
            yield statement


def _add_statement(template: etree._Element, statement: etree._Element) -> None:
    if statement.tag == _in("let"):
        name, value = statement.get("name", ""), statement.get("value", "")
        etree.SubElement(template, _out("variable"), name=name, select=value)
    elif statement.tag in (_in("assert"), _in("report")):
        test = statement.get("test", "")
        broken = f"not({test})" if statement.tag == _in("assert") else test
        holder = etree.SubElement(template, _out("if"), test=broken)
        finding = etree.SubElement(holder, FINDING, role=statement.get("role", "error"))
        location = etree.SubElement(finding, _out("attribute"), name="location")
        etree.SubElement(location, _out("value-of"), select="path()")
        _add_message(finding, statement)


def _add_message(finding: etree._Element, statement: etree._Element) -> None:
    _add_text(finding, statement.text)
    for part in statement:
        if part.tag == _in("value-of"):
            etree.SubElement(finding, _out("value-of"), select=part.get("select", ""))
        elif part.tag == _in("name"):
            etree.SubElement(finding, _out("value-of"), select="name()")
        _add_text(finding, part.tail)


def _add_text(finding: etree._Element, text: str | None) -> None:
    if text:
        etree.SubElement(finding, _out("text")).text = text


def _in(name: str) -> str:
    return f"{{{SCHEMATRON}}}{name}"


def _out(name: str) -> str:
    return f"{{{XSLT}}}{name}"
