"""What a person wants to be told of by ordinary e-mail: her choices, and the link that ends a kind of notice."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from access_core.profiles import profile_by_id
from access_core.trace.entries import record
from access_core.trace.events import note_event
from portal.patient.tracing import Event, event_entry
from portal.patient.viewer import Viewer
from portal.services import PortalServices
from smtp_gateway.notice_choices import Choice, Topic, choices_of, choose, stop
from smtp_gateway.notice_links import NoticeLinks, Subscription
from vaguemestre.kernel.database import Transaction

TOPIC_WORDS = {
    Topic.MESSAGE: "Nouveaux messages",
    Topic.DOCUMENT: "Nouveaux documents",
    Topic.SERVICE: "Vie de votre espace (invitations, autorisations)",
}
CHOICE_WORDS = {Choice.IMMEDIATE: "Tout de suite", Choice.DAILY: "Une fois par jour", Choice.NONE: "Jamais"}
BY_LINK = "Lien de désabonnement"


@dataclass(frozen=True, slots=True)
class TopicLine:
    """A topic with its choice, in words for a form."""

    topic: Topic
    words: str
    choice: Choice


async def list_choices(services: PortalServices, viewer: Viewer) -> list[TopicLine]:
    """Return her choice for every topic."""
    known = await services.database.read(partial(choices_of, profile_id=viewer.profile.id))
    return [TopicLine(topic, words, known[topic]) for topic, words in TOPIC_WORDS.items()]


async def change_choices(services: PortalServices, viewer: Viewer, wanted: Mapping[Topic, Choice]) -> None:
    """Keep her choices; topics that are not named stay as they are."""

    def work(tx: Transaction) -> None:
        for topic, choice in wanted.items():
            choose(tx, viewer.profile.id, topic, choice)
        record(tx, event_entry(viewer.profile, Event.NOTICE_CHANGED, services.clock.now()))

    await services.database.write(work)


def read_link(services: PortalServices, token: str) -> Subscription | None:
    """Return what a link is good for, None when it is not one of ours."""
    return NoticeLinks(services.instance_key).read(token)


async def end_by_link(services: PortalServices, subscription: Subscription) -> None:
    """End a kind of notice without a session; doing it twice changes nothing more."""

    def work(tx: Transaction) -> None:
        profile = profile_by_id(tx, subscription.profile_id)
        if profile is not None:
            stop(tx, profile.id, subscription.topic)
            note_event(tx, Event.NOTICE_CHANGED, profile, now=services.clock.now(), by=BY_LINK)

    await services.database.write(work)
