"""The service's end of one dock: its state as last heard, and commands that are answered once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from flightctl.clock import Clock
from flightctl.command_log import CommandLog
from flightctl.dock.protocol import (
    Ack,
    DockAction,
    DockCommand,
    DockReply,
    DockState,
    DockStatus,
    Done,
    FailCode,
    Failed,
    Progress,
    dock_reply,
)
from flightctl.json_link import JsonLink
from flightctl.site import Dock
from flightctl.transport import LinkUnavailable, Transports
from geofence.errors import ChaoxunError

STATUS_LOST_S = 4.0  # a dock says its state once a second


class DockRefused(ChaoxunError):
    """The dock answered that it cannot."""

    def __init__(self, dock_id: str, code: FailCode, reason: str) -> None:
        self.dock_id = dock_id
        self.code = code
        self.reason = reason
        super().__init__(f"{dock_id}: {reason}")


class DockTimeout(ChaoxunError):
    """The dock did not finish in time, or its link was gone until the command expired."""


class DockClient:
    """Commands carry a `cmd_id` and an expiry, and are said again when the link returns: doing so is harmless."""

    def __init__(
        self,
        dock: Dock,
        transports: Transports,
        clock: Clock,
        log: CommandLog,
        *,
        on_change: Callable[[], None],
    ) -> None:
        self.dock = dock
        self._clock = clock
        self._log = log
        self._on_change = on_change
        self._status: DockStatus | None = None
        self._heard_s = -1e9
        self._pending: dict[UUID, tuple[DockCommand, asyncio.Future[None], Callable[[str, float], None] | None]] = {}
        self._link: JsonLink[DockReply] = JsonLink(
            dock.id,
            dock.link,
            transports,
            dock_reply,
            on_message=self._received,
            on_up=self._say_again,
            on_down=on_change,
        )

    async def run(self) -> None:
        await self._link.run()

    @property
    def actor(self) -> str:
        """Its name in timelines and records."""
        return f"dock:{self.dock.id}"

    @property
    def status(self) -> DockStatus | None:
        """The last status, or None when the dock has not been heard for a while."""
        if not self._link.up or self._clock.time_s() - self._heard_s > STATUS_LOST_S:
            return None
        return self._status

    @property
    def state(self) -> DockState:
        status = self.status
        return DockState.OFFLINE if status is None else status.state

    async def command(
        self,
        action: DockAction,
        drone_id: str,
        *,
        incident_id: UUID | None,
        timeout_s: float,
        on_progress: Callable[[str, float], None] | None = None,
    ) -> UUID:
        """Has the dock do something and waits until it is done; returns the command's id.

        Raises DockRefused with the dock's own reason, or DockTimeout.
        """
        async with self._log.command(self.actor, action.value, incident_id=incident_id) as cmd_id:
            now = self._clock.now()
            await self._answered(
                DockCommand(
                    cmd_id=cmd_id,
                    action=action,
                    drone_id=drone_id,
                    issued_at=now,
                    expires_at=now + timedelta(seconds=timeout_s),
                    incident_id=incident_id,
                ),
                timeout_s,
                on_progress,
            )
        return cmd_id

    async def _answered(
        self, command: DockCommand, timeout_s: float, on_progress: Callable[[str, float], None] | None
    ) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending[command.cmd_id] = (command, done, on_progress)
        try:
            self._send(command)
            async with asyncio.timeout(timeout_s):
                await done
        except TimeoutError as error:
            action, state = command.action.value, self.state.value
            raise DockTimeout(f"{self.dock.id} did not finish {action} in {timeout_s:.0f} s ({state})") from error
        finally:
            self._pending.pop(command.cmd_id, None)

    def _send(self, command: DockCommand) -> None:
        with contextlib.suppress(LinkUnavailable):  # said again when it is up; the command's time-out bounds the wait
            self._link.send(command)

    def _say_again(self) -> None:
        for command, _, _ in self._pending.values():
            self._send(command)
        self._on_change()

    def _received(self, message: DockReply) -> None:
        if isinstance(message, DockStatus):
            changed = self._status is None or self._status.state != message.state
            self._status = message
            self._heard_s = self._clock.time_s()
            if changed:
                self._on_change()
            return
        pending = self._pending.get(message.cmd_id)
        if pending is None or isinstance(message, Ack):
            return
        _, future, on_progress = pending
        if isinstance(message, Progress):
            if on_progress is not None:
                on_progress(message.step, message.percent)
        elif isinstance(message, Done):
            if not future.done():
                future.set_result(None)
        elif not future.done():
            future.set_exception(_refused(self.dock.id, message))


def _refused(dock_id: str, message: Failed) -> DockRefused:
    return DockRefused(dock_id, message.code, message.reason)
