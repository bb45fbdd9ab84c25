"""ACL: who may do what in a mailbox. The operator says who the members are; a client may ask, and may not change it.

An account has every right in its own mailbox, its members have every right but that of administration in an
organisational one, and nobody else has any.

Source: RFC 4314.
"""

from access_core.professionals import professional_by_account
from mailstore.imap.namespaces import existing_folder
from mailstore.imap.outcome import Outcome, no, ok
from mailstore.imap.protocol.commands import GetAcl, ListRights, MyRights, SetAcl
from mailstore.imap.protocol.responses import untagged
from mailstore.imap.session import Session
from vaguemestre.kernel.database import Transaction

MEMBER = b"lrswipkxte"
OWNER = MEMBER + b"a"
_SET_ELSEWHERE = no(b"NOPERM", "Les membres sont choisis par l'exploitant.")


async def my_rights(session: Session, command: MyRights) -> Outcome:
    """MYRIGHTS."""

    def work(tx: Transaction) -> bytes:
        folder = existing_folder(session, tx, command.mailbox)
        rights = OWNER if folder.mailbox_id == session.mailbox_id else MEMBER
        return untagged(b"MYRIGHTS " + session.mailbox_name(command.mailbox) + b" " + rights)

    session.send(await session.read(work, brief=True))
    return ok()


async def get_acl(session: Session, command: GetAcl) -> Outcome:
    """GETACL: the mailbox's own account, then its members."""

    def work(tx: Transaction) -> bytes:
        rights = _rights(session, tx, command.mailbox)
        pairs = b"".join(b' "%s" %s' % (login.encode(), held) for login, held in rights.items())
        return untagged(b"ACL " + session.mailbox_name(command.mailbox) + pairs)

    session.send(await session.read(work))
    return ok()


async def list_rights(session: Session, command: ListRights) -> Outcome:
    """LISTRIGHTS: what somebody has, since nothing can be given."""

    def work(tx: Transaction) -> bytes:
        held = _rights(session, tx, command.mailbox).get(command.identifier.lower(), b"")
        name = session.mailbox_name(command.mailbox)
        return untagged(b'LISTRIGHTS %s "%s" "%s"' % (name, command.identifier.encode(), held))

    session.send(await session.read(work))
    return ok()


async def set_acl(session: Session, command: SetAcl) -> Outcome:
    """SETACL and DELETEACL, which no client may do."""
    await session.read(lambda tx: existing_folder(session, tx, command.mailbox), brief=True)
    return _SET_ELSEWHERE


def _rights(session: Session, tx: Transaction, name: str) -> dict[str, bytes]:
    """Return the rights by login on the mailbox of a folder."""
    owner = professional_by_account(tx, existing_folder(session, tx, name).mailbox_id)
    if owner is None:  # a patient's mailbox
        return {session.account.login: OWNER} if session.account is not None else {}
    return {owner.address: OWNER, **dict.fromkeys(owner.members, MEMBER)}
