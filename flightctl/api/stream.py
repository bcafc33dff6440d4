"""The live state over WebSocket: serialised once per tick for all clients, five times a second and at each change.

Each client has one slot that always holds the newest state, so a slow one misses states instead of queueing them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from flightctl.api.views import StateView

TICK_S = 0.2
MIN_GAP_S = 0.05
"""Changes closer together than this go out as one state."""
SEND_TIMEOUT_S = 10.0
MAX_CLIENTS = 100

_log = structlog.get_logger(__name__)


class _Slot:
    """The newest message not yet sent to one client."""

    def __init__(self) -> None:
        self._message: str | None = None
        self._filled = asyncio.Event()

    def put(self, message: str) -> None:
        self._message = message
        self._filled.set()

    async def take(self) -> str:
        while True:
            await self._filled.wait()
            self._filled.clear()
            if self._message is not None:
                message, self._message = self._message, None
                return message


class StateStream:
    """Feeds every connected client. `run` must be running for states to flow."""

    def __init__(
        self,
        state: Callable[[], StateView],
        subscribe: Callable[[Callable[[], None]], Callable[[], None]],
    ) -> None:
        self._state = state
        self._subscribe = subscribe
        self._slots: set[_Slot] = set()
        self._due = asyncio.Event()
        self._failing = False
        self.serialised = 0

    @property
    def client_count(self) -> int:
        return len(self._slots)

    async def run(self) -> None:
        unsubscribe = self._subscribe(self._due.set)
        try:
            while True:
                await self._wait()
                self._due.clear()
                message = self._serialise()
                if message is not None:
                    for slot in self._slots:
                        slot.put(message)
                await asyncio.sleep(MIN_GAP_S)
        finally:
            unsubscribe()

    async def _wait(self) -> None:
        """Until something changed or the tick is due; without clients, until one comes."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_S - MIN_GAP_S if self._slots else None):
                    await self._due.wait()
            if self._slots:
                return
            self._due.clear()

    def _serialise(self) -> str | None:
        try:
            text = self._state().model_dump_json()
        except Exception as error:
            if not self._failing:
                _log.exception("the state cannot be shown", reason=str(error))
            self._failing = True
            return None
        self._failing = False
        self.serialised += 1
        return text

    async def serve(self, socket: WebSocket) -> None:
        """One client, until it goes."""
        if len(self._slots) >= MAX_CLIENTS:
            await socket.close(1013, "too many clients")
            return
        await socket.accept()
        slot = _Slot()
        self._slots.add(slot)
        self._due.set()
        sending = asyncio.ensure_future(self._send(socket, slot))
        listening = asyncio.ensure_future(_until_gone(socket))
        try:
            await asyncio.wait({sending, listening}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._slots.discard(slot)
            for task in (sending, listening):
                task.cancel()
            await asyncio.gather(sending, listening, return_exceptions=True)

    async def _send(self, socket: WebSocket, slot: _Slot) -> None:
        while True:
            message = await slot.take()
            try:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await socket.send_text(message)
            except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
                return  # gone, or takes nothing for ten seconds


async def _until_gone(socket: WebSocket) -> None:
    """Clients have nothing to say on the stream; what they send is read and dropped."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
