"""A link of JSON lines that keeps itself up: connects, reads, reconnects with back-off, and says when it is lost.

Dock and loudspeaker links share it. A line that is no valid message is counted and skipped, never fatal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog
from pydantic import BaseModel, TypeAdapter, ValidationError

from flightctl.transport import LinkUnavailable, Stream, Transports

Message = TypeVar("Message")

_FIRST_RETRY_S = 0.25
_LAST_RETRY_S = 5.0

log = structlog.get_logger(__name__)


class JsonLink(Generic[Message]):
    """One peer. `run` owns the connection; `send` writes when there is one."""

    def __init__(
        self,
        name: str,
        address: str,
        transports: Transports,
        adapter: TypeAdapter[Message],
        *,
        on_message: Callable[[Message], None],
        on_up: Callable[[], None],
        on_down: Callable[[], None],
    ) -> None:
        self.name = name
        self.bad_lines = 0
        self._address = address
        self._transports = transports
        self._adapter = adapter
        self._on_message = on_message
        self._on_up = on_up
        self._on_down = on_down
        self._stream: Stream | None = None

    @property
    def up(self) -> bool:
        return self._stream is not None

    def send(self, message: BaseModel) -> None:
        """Raises LinkUnavailable when the link is down."""
        if self._stream is None:
            raise LinkUnavailable(f"{self.name}: no link to {self._address}")
        self._stream.write(message.model_dump_json().encode() + b"\n")

    async def run(self) -> None:
        """Keeps the link until cancelled."""
        retry_s = _FIRST_RETRY_S
        told = False
        while True:
            try:
                stream = await self._transports.open_stream(self._address)
            except LinkUnavailable as error:
                if not told:
                    log.warning("link down", link=self.name, reason=str(error))
                    told = True
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, _LAST_RETRY_S)
                continue
            retry_s, told = _FIRST_RETRY_S, False
            self._stream = stream
            log.info("link up", link=self.name)
            try:
                self._on_up()
                await self._read(stream)
            except LinkUnavailable as error:
                log.warning("link down", link=self.name, reason=str(error))
                told = True
            finally:
                self._stream = None
                stream.close()
                self._on_down()
            await asyncio.sleep(retry_s)

    async def _read(self, stream: Stream) -> None:
        while True:
            line = await stream.read_line()
            try:
                message = self._adapter.validate_json(line)
            except ValidationError as error:
                self.bad_lines += 1
                log.warning("unreadable line", link=self.name, problem=str(error.errors()[0]["msg"]))
                continue
            self._on_message(message)
