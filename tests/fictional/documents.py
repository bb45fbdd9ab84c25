"""Clinical documents of every level, for pages that show them."""

import base64
import io
import re

from PIL import Image

from dmp_bridge.cda.body import Body
from dmp_bridge.cda.level_1 import Level1Request, compose_level_1
from vaguemestre.app.demo.fictional_documents import CAMILLE_MARTIN, DOMINIQUE, WRITTEN_AT, fictional_cda


def picture(name: str = "PNG", size: tuple[int, int] = (900, 600)) -> bytes:
    """Return a red image."""
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, name)
    return out.getvalue()


def level_1(media_type: str, content: bytes) -> bytes:
    """Return a level 1 document around a file."""
    request = Level1Request(
        patient=DOMINIQUE.identity,
        author=CAMILLE_MARTIN.person,
        body=Body(media_type, content),
        written_at=WRITTEN_AT,
        title="Suivi",
        type_code="11488-4",
    )
    return compose_level_1(request)


def structured(*media: tuple[str, str, bytes], copy: bytes | None = None, narrative: str = "") -> bytes:
    """Return a level 3 document whose section shows files and NARRATIVE, and which may hold its copy in PDF."""
    shown = "".join(f'<renderMultiMedia referencedObject="{name}"/>' for name, _, _ in media)
    entries = "".join(_entry(*each) for each in media)
    copied = ""
    if copy is not None:
        inner = '<templateId root="1.2.250.1.213.1.1.2.243"/><title>Copie</title><text/>'
        copied = f"<component><section>{inner}{_entry('copie', 'application/pdf', copy)}</section></component>"
    body = (
        "<structuredBody><component><section><title>Bilan</title><text><paragraph>Tout va bien.</paragraph>"
        f"{shown}{narrative}</text>{entries}</section></component>{copied}</structuredBody>"
    )
    return re.sub(rb"<nonXMLBody>.*</nonXMLBody>", lambda _: body.encode(), fictional_cda(), flags=re.DOTALL)


def _entry(name: str, media_type: str, content: bytes) -> str:
    value = f'<value mediaType="{media_type}" representation="B64">{base64.b64encode(content).decode()}</value>'
    return f'<entry><observationMedia classCode="OBS" moodCode="EVN" ID="{name}">{value}</observationMedia></entry>'
