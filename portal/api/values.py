"""What the API takes, with aliases that other people's programs use.

What it gives are the values of `portal.patient` themselves.
"""

from pydantic import AliasChoices, BaseModel, ConfigDict, Field


class MessageToSend(BaseModel):
    """A message to send: a reply in a conversation, or an attempt at writing to an address."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    recipient: str = Field(
        "",
        max_length=254,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        validation_alias=AliasChoices("recipient", "to"),
        description="MSSanté address; may be left out with conversation_id.",
    )
    conversation_id: str | None = Field(
        None, pattern=r"^[0-9a-f]{32}$", description="Conversation that the message replies in."
    )
    subject: str = Field("", max_length=200, description="Ignored for a reply, which keeps the subject of its thread.")
    text: str = Field(
        min_length=1,
        max_length=20_000,
        validation_alias=AliasChoices("text", "body"),
        description="Plain text of the message.",
    )


class MessageSent(BaseModel):
    """A message that is stored and on its way."""

    model_config = ConfigDict(frozen=True)

    message_id: str = Field(description="Identifier in the store of this instance.")
    code: str = Field(description="Reason code of the decision, OK.")


class ProblemDocument(BaseModel):
    """A refusal or an error. Source: RFC 9457, with the member `code`."""

    model_config = ConfigDict(frozen=True)

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="Reason code, such as C_ECHANGE_CLOS.")


REFUSALS: dict[int | str, dict[str, object]] = {
    status: {"model": ProblemDocument, "content": {"application/problem+json": {}}} for status in (401, 403, 422, 503)
}
"""How the description of the API shows that an act was refused."""
