"""One system's end of the link: send to it, listen to it, wait for its answers.

The microservices are written on this. `expect` opens the ear before the question is sent, so that an answer
that comes at once is not missed, and nobody polls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar, cast

from flightctl.clock import Clock
from flightctl.mavlink.dialect import Message
from flightctl.mavlink.errors import LinkLost

M = TypeVar("M", bound=Message)
Unsubscribe = Callable[[], None]
_MAX_UNREAD = 256


class Sender(Protocol):
    """What a conversation needs of the links."""

    @property
    def system_id(self) -> int: ...

    @property
    def component_id(self) -> int: ...

    def send(self, system_id: int, message: Message) -> bool: ...


class Answers(Generic[M]):
    """Messages that came since `expect`; the oldest go when nobody reads them."""

    def __init__(self, where: Callable[[M], bool] | None) -> None:
        self._where = where
        self._queue: asyncio.Queue[M] = asyncio.Queue(_MAX_UNREAD)

    def put(self, message: Message) -> None:
        mine = cast(M, message)
        if self._where is not None and not self._where(mine):
            return
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(mine)

    async def next(self, timeout_s: float) -> M | None:
        """The next answer, or None when none came in time."""
        if not self._queue.empty():
            return self._queue.get_nowait()
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                return await self._queue.get()
        except TimeoutError:
            return None


class Conversation:
    """With the autopilot of one system."""

    def __init__(self, sender: Sender, system_id: int, clock: Clock) -> None:
        self.system_id = system_id
        self.component_id = 1  # MAV_COMP_ID_AUTOPILOT1 until its heartbeat says otherwise
        self.clock = clock
        self.who = f"vehicle {system_id}"
        self._sender = sender
        self._ears: dict[int, list[Callable[[Message], None]]] = {}

    @property
    def our_system_id(self) -> int:
        return self._sender.system_id

    @property
    def our_component_id(self) -> int:
        return self._sender.component_id

    def send(self, message: Message) -> None:
        """Raises LinkLost when the system was never heard."""
        if not self._sender.send(self.system_id, message):
            raise LinkLost(f"{self.who} has not been heard yet; check its link and its system id")

    def hears(self, message_id: int) -> bool:
        """Whether anybody listens to such messages now."""
        return bool(self._ears.get(message_id))

    def deliver(self, message: Message) -> None:
        ears = self._ears.get(message.get_msgId())
        if ears:
            for ear in tuple(ears):
                ear(message)

    def on(self, kind: type[M], callback: Callable[[M], None]) -> Unsubscribe:
        ear = cast(Callable[[Message], None], callback)
        self._ears.setdefault(kind.id, []).append(ear)

        def unsubscribe() -> None:
            if ear in self._ears[kind.id]:
                self._ears[kind.id].remove(ear)

        return unsubscribe

    @contextmanager
    def expect(self, *kinds: type[M], where: Callable[[M], bool] | None = None) -> Generator[Answers[M]]:
        """Gathers messages of these kinds for which `where` holds, from now until the block ends."""
        answers = Answers[M](where)
        ends = [self.on(kind, answers.put) for kind in kinds]
        try:
            yield answers
        finally:
            for end in ends:
                end()
