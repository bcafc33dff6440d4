"""Heartbeat: ours at 1 Hz with a deadman, and what theirs tells.

MAVLink guide: https://mavlink.io/en/services/heartbeat.html. The autopilot's own ground-station failsafe
listens to our heartbeat, so it must stop when the control loop no longer controls: `is_healthy` is asked
before each one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from flightctl.mavlink.dialect import Message, mavlink
from flightctl.mavlink.link import Links

log = logging.getLogger(__name__)

PERIOD_S = 1.0
LOST_AFTER_S = 5.0  # heartbeat guide: 4-5 missed on radio links
_NO_VEHICLES = frozenset(
    {
        mavlink.MAV_TYPE_GIMBAL,
        mavlink.MAV_TYPE_CAMERA,
        mavlink.MAV_TYPE_ADSB,
        mavlink.MAV_TYPE_ODID,
        mavlink.MAV_TYPE_WINCH,
        mavlink.MAV_TYPE_ONBOARD_CONTROLLER,
    }
)
_JUST_BOOTED_MS = 20_000  # its time has told already
_BOOTING = {mavlink.MAV_STATE_UNINIT, mavlink.MAV_STATE_BOOT}
_RUNNING = {mavlink.MAV_STATE_STANDBY, mavlink.MAV_STATE_ACTIVE, mavlink.MAV_STATE_CRITICAL}
_REBOOT_STEP_MS = 3000  # reordered messages go back by less


def of_ground_station() -> Message:
    return mavlink.MAVLink_heartbeat_message(
        mavlink.MAV_TYPE_GCS, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, mavlink.MAV_STATE_ACTIVE, 3
    )


def is_autopilot(message: mavlink.MAVLink_heartbeat_message) -> bool:
    """By the autopilot field and never by the component id, as the guide asks; some gimbals leave that field 0."""
    return message.autopilot != mavlink.MAV_AUTOPILOT_INVALID and message.type not in _NO_VEHICLES


async def keep_beating(links: Links, is_healthy: Callable[[], bool]) -> None:
    """Sends a heartbeat to every channel each second while healthy."""
    silenced = False
    while True:
        healthy = is_healthy()
        if healthy:
            links.broadcast(of_ground_station())
        if healthy == silenced:
            silenced = not healthy
            if silenced:
                log.error("the control loop has stalled: no heartbeat is sent, the vehicles' failsafes decide")
            else:
                log.warning("the control loop runs again: heartbeats resume")
        await asyncio.sleep(PERIOD_S)


class BootWatch:
    """Notices a reboot once: its time since boot goes back, or its heartbeat says that it boots.

    The heartbeat is the quicker one: an autopilot that has restarted streams nothing until it is asked again.
    """

    def __init__(self) -> None:
        self._boot_ms: int | None = None
        self._status = mavlink.MAV_STATE_UNINIT

    def rebooted(self, time_boot_ms: int) -> bool:
        last = self._boot_ms
        if last is not None and last - _REBOOT_STEP_MS < time_boot_ms < last:
            return False
        self._boot_ms = time_boot_ms
        return last is not None and time_boot_ms < last

    def boots_again(self, system_status: int) -> bool:
        """With each heartbeat's MAV_STATE, oldest first."""
        before, self._status = self._status, system_status
        ran = before in _RUNNING
        if (
            not ran
            or system_status not in _BOOTING
            or (self._boot_ms is not None and self._boot_ms < _JUST_BOOTED_MS)
        ):
            return False
        self._boot_ms = None  # its time goes back as well
        return True
