"""The metadata of the NIST kit, from the words of ebRS 2.1 to those of ebRS 3.0, as the kit's own tool does."""

from collections.abc import Mapping
from pathlib import Path

from lxml import etree

from dmp_bridge.xds.ebrim_reader import read_submission
from dmp_bridge.xds.metadata import HAS_MEMBER, REPLACES, Submission

KINDS = {"HasMember": HAS_MEMBER, "RPLC": REPLACES}


def submission_of_kit(file: Path, values: Mapping[str, str]) -> Submission:
    """Read the metadata of a step, with VALUES for its placeholders."""
    text = file.read_text()
    for name, value in values.items():
        text = text.replace(name, value.replace("&", "&amp;"))
    text = text.replace("rs:SubmitObjectsRequest xmlns:rs", "lcm:SubmitObjectsRequest xmlns:lcm")
    text = text.replace("</rs:SubmitObjectsRequest", "</lcm:SubmitObjectsRequest").replace("LeafRegistry", "Registry")
    text = text.replace("ebxml-regrep:registry:xsd:2.1", "ebxml-regrep:xsd:lcm:3.0")
    text = text.replace("ebxml-regrep:rim:xsd:2.1", "ebxml-regrep:xsd:rim:3.0")
    root = etree.fromstring(text.strip().encode())
    for place, association in enumerate(root.iter("{*}Association")):
        association.set("id", f"as{place}")
        kind = association.get("associationType", "")
        association.set("associationType", KINDS.get(kind, kind))
    return read_submission(root)
