"""One AUTH command under way: the client's responses go to the mechanism, its questions to whoever can answer."""

from collections.abc import Awaitable, Callable
from typing import Any

from access_core.accounts import Account
from access_core.authentication.failures import TokenRefused
from access_core.authentication.sasl.steps import Challenge, Dialogue, Question

Answer = Callable[[Question], Awaitable[Any]]


class Exchange:
    """Drives a mechanism.

    Args:
        dialogue: the mechanism, not yet begun.
        answer: answers its questions, or raises what a sign-in fails with.
    """

    __slots__ = ("_answer", "_dialogue", "_first")

    def __init__(self, dialogue: Dialogue, answer: Answer) -> None:
        self._dialogue = dialogue
        self._answer = answer
        first = next(dialogue)
        assert isinstance(first, Challenge)
        self._first: Challenge | None = first

    def start(self) -> Challenge:
        """Return the first challenge, for a client that sent no initial response."""
        assert self._first is not None
        first, self._first = self._first, None
        return first

    async def respond(self, response: bytes) -> Challenge | Account:
        """Take a response (the initial one stands for the answer to the first challenge).

        Returns:
            The next challenge, or the account at the end.

        Raises:
            ProtocolError: the response breaks the mechanism's syntax.
            AuthenticationFailed: refused, for good.
            TemporaryFailure: refused for now, `Throttled` or a catalogue or issuer that is away.
        """
        self._first = None
        refused: TokenRefused | None = None
        answer: Any = response
        while True:
            try:
                # A mechanism that is told of a refused token tells the client why before it fails.
                step = self._dialogue.throw(refused) if refused is not None else self._dialogue.send(answer)
            except StopIteration as end:
                account = end.value
                assert isinstance(account, Account)
                return account
            if isinstance(step, Challenge):
                return step
            answer, refused = await self._answered(step)

    async def _answered(self, question: Question) -> tuple[Any, TokenRefused | None]:
        try:
            return await self._answer(question), None
        except TokenRefused as refused:
            return None, refused
