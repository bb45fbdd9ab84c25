"""Writing: a reply in a conversation, or an attempt at a new one. The gateway's engine decides, not the form."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from access_core.decision import Decision
from access_core.reasons import REGISTER
from dmp_bridge.pictures.pictures import ImageLimits
from portal.attachments.checks import FileLimits, room_for_files
from portal.attachments.kinds import OutgoingFile
from portal.config import PortalSettings
from portal.patient.viewer import Viewer
from portal.services import PortalServices
from smtp_gateway.conversation import conversation
from smtp_gateway.patient_reply import Attachment, ReplyOutcome, Seat
from smtp_gateway.replies import OWN


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply, its files already checked and cleaned."""

    conversation_id: str
    text: str
    files: Sequence[OutgoingFile] = ()


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to an address of her choice."""

    recipient: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Sending:
    """What came of it: the decision, the sentence that the patient reads, the id of the message when it was sent."""

    decision: Decision
    sentence: str
    message_id: str | None

    @property
    def sent(self) -> bool:
        """Whether the message is stored and on its way."""
        return self.message_id is not None


def file_limits(services: PortalServices) -> FileLimits:
    """Return the limits of the files of one message."""
    settings = services.settings
    room = room_for_files(services.message_bytes, settings.text_characters)
    return FileLimits(settings.attachments_count, room, image_limits(settings))


def image_limits(settings: PortalSettings) -> ImageLimits:
    """Return the limits of a photograph that somebody sends or keeps."""
    return ImageLimits(settings.image_pixels, settings.image_edge_pixels, settings.image_seconds)


async def send_reply(services: PortalServices, viewer: Viewer, reply: Reply) -> Sending | None:
    """Reply in one of her conversations; None when she has no such conversation.

    Raises:
        TemporaryFailure: nothing was kept; her text is still in the form.
    """
    found = await services.database.read(partial(conversation, conversation_id=reply.conversation_id))
    if found is None or found.profile_id != viewer.profile.id:
        return None
    attachments = [Attachment(file.name, file.kind.value, file.content) for file in reply.files]
    seat = Seat(session=viewer.facts(services.clock.now()))
    return _sending(
        await services.replies.reply(viewer.profile, reply.conversation_id, reply.text, attachments, seat=seat)
    )


async def send_new(services: PortalServices, viewer: Viewer, message: NewMessage) -> Sending:
    """Try to write to an address; the engine refuses those who did not write first or ended the exchange."""
    seat = Seat(session=viewer.facts(services.clock.now()))
    return _sending(
        await services.replies.write_new(viewer.profile, message.recipient, message.subject, message.text, seat=seat)
    )


def _sending(outcome: ReplyOutcome) -> Sending:
    receipt = outcome.receipt
    own = outcome.refusal
    sentence = OWN[own][1] if own is not None else REGISTER[outcome.decision.reason].sentence
    return Sending(outcome.decision, sentence, None if receipt is None else receipt.message_id)
