"""BODY and BODYSTRUCTURE (RFC 3501 §7.4.2) and the table of parts, made from the tree of entities.

Each entity is written once: the extension data of BODYSTRUCTURE is appended to what BODY says. A multipart in
which no delimiter was found is shown as text/plain, so that what it holds can still be read.
"""

from mailstore.mime.entity import TEXT_PLAIN, Entity
from mailstore.mime.envelope import envelope
from mailstore.mime.index import Part
from mailstore.mime.parameters import Parameters, decoded, is_token, parse_value
from mailstore.mime.strings import NIL, nstring, quote
from mailstore.mime.words import text_of

US_ASCII: Parameters = ((b"charset", b"us-ascii"),)


def settle(entity: Entity) -> None:
    """Decide the final type of an entity, once its children are known."""
    if entity.is_multipart and not entity.children:
        entity.kind, entity.parameters = TEXT_PLAIN, ()
    if entity.kind[0] == b"text" and not any(name == b"charset" for name, _ in entity.parameters):
        entity.parameters += US_ASCII
    for child in entity.children:
        settle(child)


def structures(entity: Entity) -> tuple[bytes, bytes]:
    """Return BODY and BODYSTRUCTURE of a settled entity."""
    if entity.is_multipart:
        inner = [structures(child) for child in entity.children]
        subtype = quote(entity.kind[1])
        extension = b" %b %b" % (_parameters(entity.parameters), _extension(entity))
        short = b"(%b %b)" % (b"".join(short for short, _ in inner), subtype)
        full = b"(%b %b%b)" % (b"".join(full for _, full in inner), subtype, extension)
        return short, full
    fields = _basic_fields(entity)
    extension = b" %b %b" % (nstring(entity.fields.get(b"content-md5")), _extension(entity))
    if entity.is_message:
        root = entity.children[0]
        short, full = structures(root)
        head = fields + b" " + envelope(root.fields)
        return b"(%b %b %d)" % (head, short, entity.lines), b"(%b %b %d%b)" % (head, full, entity.lines, extension)
    if entity.kind[0] == b"text":
        fields += b" %d" % entity.lines
    return b"(%b)" % fields, b"(%b%b)" % (fields, extension)


def parts(root: Entity, header_bytes: int) -> tuple[Part, ...]:
    """Return every entity with its section, offsets counted from the start of the message."""
    found: list[Part] = []
    _number_message(root, "", header_bytes, found)
    return tuple(found)


def _number_message(root: Entity, prefix: str, shift: int, found: list[Part]) -> None:
    """Number the root of a message: TEXT when it is a multipart, 1 when not."""
    if root.is_multipart:
        found.append(_part(root, f"{prefix}TEXT", shift))
        for number, child in enumerate(root.children, 1):
            _number(child, f"{prefix}{number}", shift, found)
    else:
        _number(root, f"{prefix}1", shift, found)


def _number(entity: Entity, section: str, shift: int, found: list[Part]) -> None:
    found.append(_part(entity, section, shift))
    if entity.is_message:
        _number_message(entity.children[0], f"{section}.", shift, found)
        return
    for number, child in enumerate(entity.children, 1):
        _number(child, f"{section}.{number}", shift, found)


def _part(entity: Entity, section: str, shift: int) -> Part:
    parameters = decoded(entity.parameters) if entity.parameters != US_ASCII else {"charset": "us-ascii"}
    disposition, filename = None, parameters.get("name")
    field = entity.fields.get(b"content-disposition")
    if field is not None:
        value, raw = parse_value(field)
        disposition = text_of(value) or None
        filename = decoded(raw).get("filename", filename) if raw else filename
    content_id = entity.fields.get(b"content-id")
    return Part(
        section=section,
        media_type=text_of(b"/".join(entity.kind)),
        parameters=parameters,
        encoding=text_of(_encoding(entity)),
        disposition=disposition,
        filename=filename,
        content_id=text_of(content_id) if content_id else None,
        header_start=entity.header_start + shift if entity.header_start >= 0 else 0,
        body_start=entity.body_start + shift,
        body_end=entity.body_end + shift,
        lines=entity.lines,
    )


def _basic_fields(entity: Entity) -> bytes:
    kind, subtype = entity.kind
    get = entity.fields.get
    return b"%b %b %b %b %b %b %d" % (
        quote(kind),
        quote(subtype),
        _parameters(entity.parameters),
        nstring(get(b"content-id")),
        nstring(get(b"content-description")),
        quote(_encoding(entity)),
        entity.body_end - entity.body_start,
    )


def _encoding(entity: Entity) -> bytes:
    """Return the transfer encoding in lower case, `7bit` when it is absent or no token (RFC 2045 §6.1)."""
    field = entity.fields.get(b"content-transfer-encoding")
    value = parse_value(field)[0] if field else b""
    return value if is_token(value) else b"7bit"


def _parameters(parameters: Parameters) -> bytes:
    if not parameters:
        return NIL
    return b"(" + b" ".join([quote(text) for pair in parameters for text in pair]) + b")"


def _extension(entity: Entity) -> bytes:
    """Return disposition, language and location."""
    get = entity.fields.get
    return b"%b %b %b" % (
        _disposition(get(b"content-disposition")),
        _language(get(b"content-language")),
        nstring(get(b"content-location")),
    )


def _disposition(field: bytes | None) -> bytes:
    if not field:
        return NIL
    value, parameters = parse_value(field)
    return b"(%b %b)" % (quote(value), _parameters(parameters)) if value else NIL


def _language(field: bytes | None) -> bytes:
    tags = [tag.strip() for tag in field.split(b",") if tag.strip()] if field else []
    if len(tags) < 2:
        return quote(tags[0]) if tags else NIL
    return b"(" + b" ".join(quote(tag) for tag in tags) + b")"
