"""The roles of the program: each is a process of its own."""

from enum import StrEnum


class Role(StrEnum):
    """What one process does; ALL stands for each of the others in turn."""

    ALL = "all"
    MX = "mx"
    SUBMISSION = "submission"
    IMAP = "imap"
    PORTAL = "portal"
    WORKER = "worker"


PORTS_OF_ROLE = {
    Role.MX: ("mx",),
    Role.SUBMISSION: ("submission", "submissions"),
    Role.IMAP: ("imap", "imaps"),
    Role.PORTAL: ("portal",),
    Role.WORKER: (),
}
ROLES = tuple(role for role in Role if role is not Role.ALL)
