"""The service's end of one loudspeaker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Literal
from uuid import UUID

from flightctl.clock import Clock
from flightctl.command_log import CommandLog
from flightctl.json_link import JsonLink
from flightctl.speaker.protocol import (
    MAX_TEXT,
    Say,
    SpeakerAck,
    SpeakerFailed,
    SpeakerReply,
    SpeakerStatus,
    speaker_reply,
)
from flightctl.transport import LinkUnavailable, Transports
from geofence.errors import ChaoxunError

STATUS_LOST_S = 6.0
_ACK_WITHIN_S = 2.0
_VALID_S = 8.0  # a warning that could not be said by then is of another moment


class SpeakerRefused(ChaoxunError):
    """The loudspeaker cannot speak now; the text says why."""


class SpeakerClient:
    """Says things; answers as soon as the loudspeaker has taken them, and knows what it is saying."""

    def __init__(
        self,
        speaker_id: str,
        address: str,
        transports: Transports,
        clock: Clock,
        log: CommandLog,
        *,
        on_change: Callable[[], None],
    ) -> None:
        self.id = speaker_id
        self._clock = clock
        self._log = log
        self._on_change = on_change
        self._status: SpeakerStatus | None = None
        self._heard_s = -1e9
        self._texts: dict[UUID, str] = {}
        self._pending: dict[UUID, asyncio.Future[None]] = {}
        self._link: JsonLink[SpeakerReply] = JsonLink(
            speaker_id,
            address,
            transports,
            speaker_reply,
            on_message=self._received,
            on_up=on_change,
            on_down=self._link_lost,
        )

    async def run(self) -> None:
        await self._link.run()

    @property
    def online(self) -> bool:
        return self._link.up and self._clock.time_s() - self._heard_s <= STATUS_LOST_S

    @property
    def fault(self) -> str:
        return "" if self._status is None else self._status.fault

    @property
    def playing(self) -> str | None:
        """The text being said now."""
        if not self.online or self._status is None or self._status.playing is None:
            return None
        return self._texts.get(self._status.playing, "")

    async def say(self, text: str, language: Literal["zh", "en"], *, repeat: int, incident_id: UUID | None) -> UUID:
        """Returns the command's id once the loudspeaker has taken it. Raises SpeakerRefused."""
        details = {"text": text, "language": language}
        async with self._log.command(f"speaker:{self.id}", "say", incident_id=incident_id, details=details) as cmd_id:
            now = self._clock.now()
            say = Say(
                cmd_id=cmd_id,
                text=text[:MAX_TEXT],
                language=language,
                repeat=repeat,
                issued_at=now,
                expires_at=now + timedelta(seconds=_VALID_S),
                incident_id=incident_id,
            )
            await self._taken(say)
        self._texts = {say.cmd_id: say.text}
        self._on_change()
        return say.cmd_id

    async def _taken(self, say: Say) -> None:
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending[say.cmd_id] = taken
        try:
            self._link.send(say)
            async with asyncio.timeout(_ACK_WITHIN_S):
                await taken
        except LinkUnavailable as error:
            raise SpeakerRefused(f"{self.id} cannot be reached") from error
        except TimeoutError as error:
            raise SpeakerRefused(f"{self.id} did not answer in {_ACK_WITHIN_S:.0f} s") from error
        finally:
            self._pending.pop(say.cmd_id, None)

    def _link_lost(self) -> None:
        for future in self._pending.values():
            if not future.done():
                future.set_exception(SpeakerRefused(f"{self.id}: the link broke"))
        self._on_change()

    def _received(self, message: SpeakerReply) -> None:
        if isinstance(message, SpeakerStatus):
            changed = self._status is None or (self._status.playing, self._status.fault) != (
                message.playing,
                message.fault,
            )
            self._status = message
            self._heard_s = self._clock.time_s()
            if changed:
                self._on_change()
            return
        future = self._pending.get(message.cmd_id)
        if future is None or future.done():
            return
        if isinstance(message, SpeakerAck):
            future.set_result(None)
        elif isinstance(message, SpeakerFailed):
            future.set_exception(SpeakerRefused(f"{self.id}: {message.reason}"))
