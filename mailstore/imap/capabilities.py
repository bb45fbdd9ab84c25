"""The capability table: what the server offers, when it says so, by which document, in which file.

`docs/reference/imap.md` is written from it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

AUTH = "AUTH="


class Stage(Enum):
    """When a capability is announced."""

    ALWAYS = "always"
    CLEAR = "before TLS"
    SIGNING_IN = "inside TLS, before signing in"
    SIGNED_IN = "once signed in"


@dataclass(frozen=True, slots=True)
class Capability:
    """One word of CAPABILITY; `enabled_by` is the word that ENABLE takes, when there is one."""

    word: str
    source: str
    file: str
    stage: Stage = Stage.SIGNED_IN
    can_be_enabled: bool = False


TABLE = (
    Capability("IMAP4rev1", "RFC 3501", "protocol/grammar.py", Stage.ALWAYS),
    Capability("IMAP4rev2", "RFC 9051", "view.py, session.py", Stage.ALWAYS, can_be_enabled=True),
    Capability("LITERAL-", "RFC 7888", "protocol/connection.py", Stage.ALWAYS),
    Capability("ID", "RFC 2971", "commands/general.py", Stage.ALWAYS),
    Capability("ENABLE", "RFC 5161", "commands/enable.py", Stage.ALWAYS),
    Capability("STARTTLS", "RFC 9051 §6.2.1", "connection.py", Stage.CLEAR),
    Capability("LOGINDISABLED", "RFC 9051 §6.2.3", "commands/sign_in.py", Stage.CLEAR),
    Capability("SASL-IR", "RFC 4959", "commands/sign_in.py", Stage.SIGNING_IN),
    Capability("AUTH=EXTERNAL", "RFC 4422 appendix A", "commands/sign_in.py", Stage.SIGNING_IN),
    Capability("AUTH=SCRAM-SHA-256-PLUS", "RFC 7677, RFC 5929", "commands/sign_in.py", Stage.SIGNING_IN),
    Capability("AUTH=SCRAM-SHA-256", "RFC 7677", "commands/sign_in.py", Stage.SIGNING_IN),
    Capability("AUTH=OAUTHBEARER", "RFC 7628", "commands/sign_in.py", Stage.SIGNING_IN),
    Capability("AUTH=XOAUTH2", "MSS2:ECO.1.2.1", "commands/sign_in.py", Stage.SIGNING_IN),
    Capability("AUTH=PLAIN", "RFC 4616", "commands/sign_in.py", Stage.SIGNING_IN),
    Capability("AUTH=LOGIN", "draft-murchison-sasl-login", "commands/sign_in.py", Stage.SIGNING_IN),
    Capability("IDLE", "RFC 2177", "commands/general.py"),
    Capability("NAMESPACE", "RFC 2342", "commands/general.py"),
    Capability("UIDPLUS", "RFC 4315", "commands/append.py, copying.py, flags.py"),
    Capability("MOVE", "RFC 6851", "commands/copying.py"),
    Capability("UNSELECT", "RFC 3691", "commands/selection.py"),
    Capability("CHILDREN", "RFC 3348", "commands/listing.py"),
    Capability("SPECIAL-USE", "RFC 6154", "commands/listing.py"),
    Capability("CREATE-SPECIAL-USE", "RFC 6154 §3", "commands/mailboxes.py"),
    Capability("STATUS=SIZE", "RFC 8438", "commands/status.py"),
    Capability("LIST-STATUS", "RFC 5819", "commands/listing.py"),
    Capability("APPENDLIMIT", "RFC 7889", "commands/append.py"),
    Capability("CONDSTORE", "RFC 7162 §3.1", "commands/condstore.py", can_be_enabled=True),
    Capability("QRESYNC", "RFC 7162 §3.2", "commands/qresync.py", can_be_enabled=True),
    Capability("ESEARCH", "RFC 4731", "commands/esearch.py"),
    Capability("SEARCHRES", "RFC 5182", "commands/esearch.py"),
    Capability("WITHIN", "RFC 5032", "commands/matching.py"),
    Capability("SORT", "RFC 5256", "commands/sort.py"),
    Capability("ESORT", "RFC 5267 §3", "commands/sort.py"),
    Capability("THREAD=ORDEREDSUBJECT", "RFC 5256", "commands/threads.py"),
    Capability("THREAD=REFERENCES", "RFC 5256", "commands/references.py"),
    Capability("LIST-EXTENDED", "RFC 5258", "commands/listing.py"),
    Capability("MULTIAPPEND", "RFC 3502", "commands/append.py"),
    Capability("REPLACE", "RFC 8508", "commands/replace.py"),
    Capability("BINARY", "RFC 3516", "commands/binary.py"),
    Capability("PREVIEW", "RFC 8970", "commands/preview.py"),
    Capability("OBJECTID", "RFC 8474", "commands/objectid.py"),
    Capability("QUOTA", "RFC 9208", "commands/quota.py"),
    Capability("QUOTA=RES-STORAGE", "RFC 9208 §5.1", "commands/quota.py"),
    Capability("ACL", "RFC 4314", "commands/acl.py"),
    Capability("RIGHTS=kxte", "RFC 4314 §2.2", "commands/acl.py"),
    Capability("METADATA", "RFC 5464", "commands/metadata.py", can_be_enabled=True),
    Capability("LIST-METADATA", "RFC 9590", "commands/listing.py, metadata.py"),
    Capability("NOTIFY", "RFC 5465", "watch.py, commands/notify.py"),
    Capability("SAVEDATE", "RFC 8514", "commands/rendering.py, matching.py"),
    Capability("UTF8=ACCEPT", "RFC 6855", "session.py", can_be_enabled=True),
    Capability("PARTIAL", "RFC 9394", "commands/partial.py"),
)
ENABLES = frozenset(each.word.upper() for each in TABLE if each.can_be_enabled)


def announced(*stages: Stage, append_limit: int, mechanisms: Collection[str] = ()) -> str:
    """Return the words of some stages.

    Args:
        append_limit: the largest message that APPEND takes, in octets.
        mechanisms: the SASL mechanisms that the connection is offered.
    """
    words = (each.word for each in TABLE if each.stage in stages)
    offered = (word for word in words if not word.startswith(AUTH) or word.removeprefix(AUTH) in mechanisms)
    return " ".join(f"APPENDLIMIT={append_limit}" if word == "APPENDLIMIT" else word for word in offered)
