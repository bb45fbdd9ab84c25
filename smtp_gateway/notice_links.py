"""The link that ends a kind of notice without signing in: a capability, good for one person and one topic.

It holds the id of the profile and the topic under a key of the instance; whoever has the mail may end its kind of
notice and nothing else. Source: RFC 8058 (one-click), RFC 2369 §3.2.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

from smtp_gateway.notice_choices import Topic
from vaguemestre.kernel.keys import InstanceKey

LABEL = "vaguemestre/notices/unsubscribe/v1"
PATH = "/desabonnement"
MAC_BYTES = 16
ID_BYTES = 16
TOPICS = {1: Topic.MESSAGE, 2: Topic.DOCUMENT, 3: Topic.SERVICE, 4: None}
NUMBERS = {topic: number for number, topic in TOPICS.items()}


@dataclass(frozen=True, slots=True)
class Subscription:
    """One kind of notice to one person; TOPIC None: the notice of the day, whatever it is about."""

    profile_id: str
    topic: Topic | None


class NoticeLinks:
    """Writes and reads the tokens."""

    def __init__(self, instance_key: InstanceKey) -> None:
        self._key = instance_key.derive(LABEL)

    def token(self, subscription: Subscription) -> str:
        """Return the last piece of the address, 44 URL-safe letters."""
        said = bytes.fromhex(subscription.profile_id) + bytes([NUMBERS[subscription.topic]])
        return base64.urlsafe_b64encode(said + self._mac(said)).decode()

    def read(self, token: str) -> Subscription | None:
        """Return what a token is good for, None when it is not one of ours."""
        try:
            data = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            return None
        said, mac = data[: ID_BYTES + 1], data[ID_BYTES + 1 :]
        if len(data) != ID_BYTES + 1 + MAC_BYTES or not hmac.compare_digest(mac, self._mac(said)):
            return None
        return Subscription(said[:ID_BYTES].hex(), TOPICS[said[ID_BYTES]])

    def _mac(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, hashlib.sha256)[:MAC_BYTES]
