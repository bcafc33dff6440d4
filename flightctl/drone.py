"""A drone of the site in the service's hands: what the site says of it, joined with its MAVLink vehicle."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime

from flightctl.mavlink.errors import LinkLost
from flightctl.mavlink.gripper import HookState
from flightctl.preflight_report import PreflightReport
from flightctl.site import Drone
from flightctl.store import TelemetryRow
from flightctl.vehicle import Fleet, LinkQuality, Telemetry, Vehicle
from geofence.position import Enu, LatLon, LocalFrame

_TRAIL_S = 120.0
_TRAIL_STEP_M = 2.0
_HEARD_EVERY_S = 0.1
_REPORT_IS_NEWS_S = 300.0


class DroneHands:
    """Refers to its vehicle by system id, so it outlives reboots and lost links."""

    def __init__(self, drone: Drone, fleet: Fleet, frame: LocalFrame) -> None:
        self.drone = drone
        self._fleet = fleet
        self._frame = frame
        self.report: PreflightReport | None = None  # of its last pre-flight check
        self._trail: deque[tuple[float, LatLon]] = deque(maxlen=240)

    @property
    def id(self) -> str:
        return self.drone.id

    @property
    def actor(self) -> str:
        """Its name in timelines."""
        return f"drone:{self.drone.id}"

    @property
    def vehicle(self) -> Vehicle:
        return self._fleet.vehicle(self.drone.system_id)

    @property
    def telemetry(self) -> Telemetry | None:
        """None when it has never been heard."""
        vehicle = self.vehicle
        return vehicle.telemetry if vehicle.known else None

    @property
    def online(self) -> bool:
        return self.vehicle.online

    @property
    def armed(self) -> bool:
        """As last heard; a drone never heard is taken for lying in its dock."""
        telemetry = self.telemetry
        return telemetry is not None and telemetry.armed

    @property
    def mode(self) -> str:
        telemetry = self.telemetry
        return "UNKNOWN" if telemetry is None else telemetry.mode

    @property
    def link(self) -> LinkQuality:
        """How it is heard."""
        return self._fleet.link_quality(self.drone.system_id)

    async def heard(self) -> None:
        """Waits for the vehicle's first heartbeat and position."""
        while True:
            telemetry = self.telemetry
            if telemetry is not None and telemetry.online and telemetry.position is not None:
                return
            await asyncio.sleep(_HEARD_EVERY_S)

    # --- where it is -----------------------------------------------------------------------------------------

    def place(self) -> Enu:
        """Raises LinkLost while its position is not known."""
        return self._frame.to_enu(self._position())

    def _position(self) -> LatLon:
        position = self.vehicle.telemetry.position
        if position is None:
            raise LinkLost(f"{self.drone.id} has not said where it is")
        return position

    def velocity(self) -> Enu:
        telemetry = self.vehicle.telemetry
        return Enu(telemetry.velocity_east_mps, telemetry.velocity_north_mps)

    def height_m(self) -> float:
        """Above its home."""
        return self.vehicle.telemetry.height_m

    def home_amsl_m(self) -> float:
        telemetry = self.vehicle.telemetry
        return telemetry.amsl_m - telemetry.height_m

    def trail(self, now_s: float) -> tuple[LatLon, ...]:
        """Its way of the last two minutes."""
        telemetry = self.telemetry
        if telemetry is not None and telemetry.online and telemetry.airborne and telemetry.position is not None:
            here = self._frame.to_enu(telemetry.position)
            if not self._trail or here.distance_m(self._frame.to_enu(self._trail[-1][1])) >= _TRAIL_STEP_M:
                self._trail.append((now_s, telemetry.position))
        while self._trail and now_s - self._trail[0][0] > _TRAIL_S:
            self._trail.popleft()
        return tuple(point for _, point in self._trail)

    # --- what it carries and whether it can go -----------------------------------------------------------------

    def loaded_hooks(self) -> tuple[int, ...]:
        """Hooks (counted from 1) that hold a lifebuoy."""
        telemetry = self.telemetry
        if telemetry is None:
            return ()
        numbers = range(1, self.drone.payload.hooks + 1)
        return tuple(number for number in numbers if telemetry.hook(number) is HookState.HELD)

    def not_ready_reason(self) -> str:
        """Why it cannot fly now; empty when it can."""
        telemetry = self.telemetry
        if telemetry is None:
            return "never heard"
        if not telemetry.online:
            return "link lost"
        if self.vehicle.conflict:
            return "two autopilots use its system id; give one of them another (MAV_SYSID)"
        if telemetry.armed:
            return ""
        if not telemetry.ekf_ready:
            return "no position estimate yet"
        if not telemetry.prearm_ok:
            return "its own pre-arm checks fail: " + (
                "; ".join(t.text for t in telemetry.texts[-2:]) or "no reason said"
            )
        return ""

    def blocked_reason(self, now: datetime) -> str:
        """What its last check said against a flight, while that is news; empty otherwise."""
        report = self.report
        if report is None or self.armed or (now - report.at).total_seconds() > _REPORT_IS_NEWS_S:
            return ""
        return "; ".join(result.text for result in report.blocking)

    def recent_texts(self, seconds: float, now_s: float) -> tuple[str, ...]:
        telemetry = self.telemetry
        if telemetry is None:
            return ()
        return tuple(text.text for text in telemetry.texts if now_s - text.at_s <= seconds)

    def telemetry_row(self, at: datetime) -> TelemetryRow:
        telemetry = self.vehicle.telemetry
        position = telemetry.position
        return TelemetryRow(
            drone_id=self.drone.id,
            at=at,
            lat=None if position is None else position.lat,
            lon=None if position is None else position.lon,
            height_m=telemetry.height_m,
            speed_mps=telemetry.speed_mps,
            heading_deg=telemetry.heading_deg,
            battery_percent=telemetry.battery_percent,
            mode=telemetry.mode,
            armed=telemetry.armed,
        )
