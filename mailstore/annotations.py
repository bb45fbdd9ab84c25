"""Annotations: short values that clients attach to folders, or to a mailbox as a whole, each sealed like a message.

An annotation is private to an account or shared by all who share the mailbox; its name says which. A shared value is
sealed under the key of the mailbox that the folder is in, a private one under that of the account's own mailbox, so
that erasing either mailbox erases what was said with it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy
from sqlalchemy import bindparam, delete, func, select

from mailstore.entries import CHUNK
from mailstore.keyring import Keyring
from mailstore.model import FolderId
from mailstore.seal import MessageCipher, Stream, new_key
from mailstore.tables import annotation
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.ids import new_id

PRIVATE, SHARED = "/private", "/shared"
NAME_CHARACTERS = 250
WHOLE_MAILBOX: FolderId = 0
"""Stands for the mailbox itself, beside its folders."""
_columns = (annotation.c.folder_id, annotation.c.name, annotation.c.size_bytes, annotation.c.version)
_reachable = (
    annotation.c.folder_id.in_(bindparam("folder_ids", expanding=True)),
    annotation.c.account_id.in_(bindparam("readers", expanding=True)),
)
_list = select(*_columns).where(*_reachable).order_by(annotation.c.folder_id, annotation.c.name)
_values = select(
    annotation.c.folder_id,
    annotation.c.account_id,
    annotation.c.name,
    annotation.c.mailbox_id,
    annotation.c.wrapped_key,
    annotation.c.sealed_value,
).where(*_reachable, annotation.c.name.in_(bindparam("names", expanding=True)))
_one = (
    annotation.c.folder_id == bindparam("in_folder"),
    annotation.c.account_id == bindparam("of_account"),
)
_delete = delete(annotation).where(*_one, annotation.c.name == bindparam("entry"))
_count = select(func.count()).select_from(annotation).where(*_one)
_insert = sqlalchemy.insert(annotation)


@dataclass(frozen=True, slots=True)
class Annotation:
    """An annotation without its value; `version` is another one after each change."""

    folder_id: FolderId
    name: str
    size_bytes: int
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawer:
    """Where annotations of one kind lie: on a folder, of an account, or of everybody when `account_id` is empty.

    `mailbox_id` is the mailbox whose key seals them.
    """

    folder_id: FolderId
    account_id: str
    mailbox_id: str


class Annotations:
    """The door to annotations; names are in lower case and begin with `/private/` or `/shared/`."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def list(self, tx: Transaction, account_id: str, folder_ids: Collection[FolderId]) -> list[Annotation]:
        """Return what an account may see on some folders, by folder, in the order of names."""
        found: list[Annotation] = []
        for chunk in _chunks(folder_ids):
            rows = tx.execute(_list, {"folder_ids": chunk, "readers": ["", account_id]})
            found += [Annotation(**row._asdict()) for row in rows]
        return found

    def values(
        self, tx: Transaction, account_id: str, wanted: Iterable[Annotation]
    ) -> Mapping[tuple[FolderId, str], bytes]:
        """Return the values of annotations by folder and name; one that was removed meanwhile is left out.

        Raises:
            IntegrityError: a value was changed.
        """
        asked = {(each.folder_id, each.name) for each in wanted}
        names = sorted({name for _, name in asked})
        opened: dict[tuple[FolderId, str], bytes] = {}
        for chunk in _chunks({folder_id for folder_id, _ in asked}):
            for row in tx.execute(_values, {"folder_ids": chunk, "readers": ["", account_id], "names": names}):
                if (row.folder_id, row.name) in asked:
                    drawer = Drawer(folder_id=row.folder_id, account_id=row.account_id, mailbox_id=row.mailbox_id)
                    key = self._keyring.unwrap(tx, row.mailbox_id, _binding(drawer, row.name), row.wrapped_key)
                    opened[row.folder_id, row.name] = MessageCipher(key).open_all(Stream.BODY, row.sealed_value)
        return opened

    def put(self, tx: Transaction, drawer: Drawer, name: str, value: bytes | None) -> str:
        """Set an annotation, or remove it when VALUE is None; returns its version, empty when it is gone.

        Raises:
            PermanentFailure: no such mailbox, or erased.
        """
        row = {"in_folder": drawer.folder_id, "of_account": drawer.account_id, "entry": name}
        tx.execute(_delete, row)
        if value is None:
            return ""
        version, key = new_id(), new_key()
        secret = (_binding(drawer, name), key)
        current = self._keyring.current(tx, drawer.mailbox_id)
        row = {
            "folder_id": drawer.folder_id,
            "account_id": drawer.account_id,
            "name": name,
            "mailbox_id": drawer.mailbox_id,
            "size_bytes": len(value),
            "version": version,
            "wrapped_key": self._keyring.wrap(tx, drawer.mailbox_id, current, secret),
            "sealed_value": MessageCipher(key).seal_all(Stream.BODY, value),
        }
        tx.execute(_insert, row)
        return version

    def count(self, tx: Transaction, drawer: Drawer) -> int:
        """Return how many annotations lie in a drawer."""
        return int(tx.execute(_count, {"in_folder": drawer.folder_id, "of_account": drawer.account_id}).scalar_one())


def _binding(drawer: Drawer, name: str) -> str:
    """Return what a wrapped key is bound to, so that a value opens nowhere else."""
    return f"annotation/{drawer.folder_id}/{drawer.account_id}{name}"


def _chunks(folder_ids: Collection[FolderId]) -> Iterable[list[FolderId]]:
    ordered = sorted(folder_ids)
    return (ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK))
