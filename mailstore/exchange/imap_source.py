"""Reading a mailbox of another IMAP server: folders opened for reading alone, nothing marked as seen there.

Small messages come several in one answer, large ones in pieces. A message is told from the others by its UID, as long
as the folder's UIDVALIDITY stays; when that changes, by its bytes (`importing.py`).
"""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime

from mailstore.elsewhere import (
    ANSWER_BYTES,
    PIECE_BYTES,
    CommandRefused,
    Connection,
    Lines,
    Server,
    ServerAway,
    number,
    quoted,
)
from mailstore.exchange.imap_answers import (
    Fetched,
    Known,
    Listed,
    Namespaces,
    fetched,
    read_known,
    read_list,
    read_namespaces,
)
from mailstore.exchange.model import Found, Problem, Reference

_GROUP_MESSAGES = 50  # aioimaplib reads long answers slowly
_SMALL_BYTES = 64 * 1024
_UIDS_BYTES = 64 * 1024 * 1024
_VALIDITY, _EXISTS = re.compile(rb"UIDVALIDITY (\d+)"), re.compile(rb"(\d+) EXISTS")
Pack = list[tuple[Reference, Known]]


class ImapSource:
    """The messages of a mailbox elsewhere; made by `imap_source`."""

    def __init__(self, connection: Connection, identity: str, folders: Sequence[Listed]) -> None:
        self._connection = connection
        self._client = connection.client
        self._identity = identity
        self._folders = folders
        self._total = 0

    @property
    def identity(self) -> str:
        """The server and the login."""
        return self._identity

    @property
    def total(self) -> int:
        """Messages of the folders that were opened so far."""
        return self._total

    def folders(self) -> Sequence[str]:
        """Return its folders."""
        return [each.name for each in self._folders]

    async def groups(self) -> AsyncIterator[Sequence[Reference | Problem]]:
        """Name the messages of each folder, by UID."""
        for folder in self._folders:
            try:
                validity, uids = await self._examine(folder)
            except CommandRefused:
                yield [Problem(folder.name, "le serveur n'ouvre pas ce dossier")]
                continue
            self._total += len(uids)
            for start in range(0, len(uids), _GROUP_MESSAGES):
                yield [_reference(folder, validity, uid) for uid in uids[start : start + _GROUP_MESSAGES]]

    async def open(self, references: Sequence[Reference]) -> AsyncIterator[Found | Problem]:
        """Open messages of the group named last; those that are gone meanwhile are left out."""
        if not references:
            return
        known = read_known(await self._fetch(references, "(UID FLAGS INTERNALDATE RFC822.SIZE)"))
        there = [(each, known[each.handle]) for each in references if each.handle in known]
        for pack in _packs(there):
            async for opened in self._open_pack(pack):
                yield opened

    async def _examine(self, folder: Listed) -> tuple[int, list[int]]:
        lines = await self._connection.examine(folder.raw)
        if number(_EXISTS, lines) == 0:
            return number(_VALIDITY, lines), []
        found = await self._connection.asked(self._client.uid_search("ALL", charset=None), _UIDS_BYTES)
        words = [word for line in found[:-1] for word in bytes(line).split()]
        return number(_VALIDITY, lines), sorted({int(word) for word in words if word.isdigit()})

    async def _open_pack(self, pack: Pack) -> AsyncIterator[Found | Problem]:
        try:
            first = await self._first_pieces([reference for reference, _ in pack])
        except CommandRefused:
            if len(pack) == 1:
                yield Problem(pack[0][0].place, "le serveur ne donne pas ce message")
                return
            for each in pack:
                async for opened in self._open_pack([each]):
                    yield opened
            return
        for reference, known in pack:
            piece = first.get(reference.handle)
            if piece is None:
                yield Problem(reference.place, "le serveur ne donne pas ce message")
            else:
                yield _found(reference, known, self._pieces(reference, piece))

    async def _first_pieces(self, references: Sequence[Reference]) -> dict[int, bytes]:
        most = ANSWER_BYTES + len(references) * _SMALL_BYTES  # the sizes that servers tell are not always true
        lines = await self._fetch(references, f"(UID BODY.PEEK[]<0.{_SMALL_BYTES}>)", most)
        return {each.uid: each.body for each in fetched(lines) if each.body is not None}

    async def _pieces(self, reference: Reference, first: bytes) -> AsyncIterator[bytes]:
        yield first
        offset, asked, piece = len(first), _SMALL_BYTES, first
        while len(piece) >= asked:
            if len(piece) > asked:
                raise ServerAway("imap: more of a message comes than was asked for")
            asked = PIECE_BYTES
            lines = await self._fetch([reference], f"(UID BODY.PEEK[]<{offset}.{asked}>)")
            piece = _body_of(reference, fetched(lines))
            offset += len(piece)
            yield piece

    async def _fetch(self, references: Sequence[Reference], items: str, answer_bytes: int = ANSWER_BYTES) -> Lines:
        uids = ",".join(str(each.handle) for each in references)
        return await self._connection.asked(self._client.uid("fetch", uids, items), answer_bytes)


async def imap_source(connection: Connection, server: Server, *, only: str | None = None) -> ImapSource:
    """Look at the folders of a server; with ONLY, at the one of that name here.

    Raises:
        ServerAway: it does not answer as IMAP says.
    """
    client, namespaces = connection.client, Namespaces()
    if client.has_capability("NAMESPACE"):
        namespaces = read_namespaces(await connection.asked(client.namespace()))
    lines = await connection.asked(client.list(quoted(""), quoted("*")), _UIDS_BYTES)
    identity = f"imap:{server.login}@{server.host}:{server.port}"
    listed = read_list(lines, namespaces)
    return ImapSource(connection, identity, [each for each in listed if only in {None, each.name}])


def _reference(folder: Listed, validity: int, uid: int) -> Reference:
    return Reference(
        folder=folder.name,
        origin=folder.raw,
        key=f"{validity}/{uid}".encode(),
        place=f"{folder.name}, UID {uid}",
        handle=uid,
        validity=validity,
    )


def _packs(messages: Pack) -> Iterator[Pack]:
    """Put messages together whose first pieces fit into one answer."""
    pack: Pack = []
    size = 0
    for reference, known in messages:
        expected = min(known.size_bytes, _SMALL_BYTES)
        if pack and size + expected > PIECE_BYTES:
            yield pack
            pack, size = [], 0
        pack.append((reference, known))
        size += expected
    if pack:
        yield pack


def _found(reference: Reference, known: Known, pieces: AsyncIterator[bytes]) -> Found:
    date = known.internal_date or datetime.now(UTC)
    return Found(reference=reference, flags=known.flags, internal_date=date, pieces=pieces)


def _body_of(reference: Reference, answers: Iterator[Fetched]) -> bytes:
    body = next((each.body for each in answers if each.uid == reference.handle), None)
    if body is None:
        raise ServerAway("imap: a message does not come whole")
    return body
