"""One entity of a message while it is being indexed: its header, its place, its children.

Offsets are relative to the first octet after the message's own header, so that the header may still change
(trace fields are added at acceptance) while the body is already indexed.
"""

from dataclasses import dataclass, field

from mailstore.mime.fields import Fields
from mailstore.mime.parameters import Parameters, media_type, parse_value

TEXT_PLAIN = (b"text", b"plain")
MESSAGE_TYPES = frozenset({(b"message", b"rfc822"), (b"message", b"global")})
DIGEST = (b"multipart", b"digest")


@dataclass(slots=True)
class Entity:
    """A node of the tree; BODY_END is known once the entity is closed."""

    parent: "Entity | None"
    header_start: int
    fields: Fields = field(default_factory=dict)
    kind: tuple[bytes, bytes] = TEXT_PLAIN
    parameters: Parameters = ()
    body_start: int = 0
    body_end: int = -1
    lines: int = 0
    """While open: line breaks seen before `body_start`; once closed: line breaks in the body."""
    depth: int = 0
    children: "list[Entity]" = field(default_factory=list)

    def describe(self, fields: Fields) -> None:
        """Take over the header; a Content-Type that is absent or malformed is text/plain (RFC 2045 §5.2)."""
        self.fields = fields
        in_digest = self.parent is not None and self.parent.kind == DIGEST
        default = (b"message", b"rfc822") if in_digest else TEXT_PLAIN
        content_type = fields.get(b"content-type")
        if content_type is None:
            self.kind = default
            return
        value, parameters = parse_value(content_type)
        kind = media_type(value)
        self.kind, self.parameters = (kind, parameters) if kind is not None else (TEXT_PLAIN, ())

    @property
    def is_multipart(self) -> bool:
        """Whether the body is a sequence of entities."""
        return self.kind[0] == b"multipart"

    @property
    def is_message(self) -> bool:
        """Whether the body is a message with a header of its own."""
        return self.kind in MESSAGE_TYPES

    @property
    def reports_lines(self) -> bool:
        """Whether BODY tells the lines of the body: of a text, a message, a multipart that shows as a text."""
        return self.kind[0] == b"text" or self.is_message or (self.is_multipart and not self.children)

    @property
    def counts_lines(self) -> bool:
        """Whether the lines of the body belong to what BODY tells of this entity or of one that holds it."""
        return self.reports_lines or (self.parent is not None and self.parent.counts_lines)

    @property
    def boundary(self) -> bytes | None:
        """The boundary of a multipart, None when it has none that could be found."""
        for name, value in self.parameters:
            if name == b"boundary":
                return value.rstrip() or None
        return None

    def become_opaque(self) -> None:
        """Show as a plain sequence of octets what is nested too deep to be looked into."""
        self.kind, self.parameters = (b"application", b"octet-stream"), ()
