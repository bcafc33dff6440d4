"""The eyes of the site's drones: one for each that carries a camera, and the way to its pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from flightctl.clock import Clock
from flightctl.drone import DroneHands
from flightctl.scene import scene_geometry
from flightctl.site import Drone
from flightctl.site_loading import Site
from geofence.position import Enu
from vision.aerial.eye import DroneEye
from vision.aerial.pose import of_gimbal
from vision.alert import FrameReport

_PICTURE_EVERY_S = 0.4  # for the panel
_HEADING_FRESH_S = 1.0


class EyePort(Protocol):
    """Whatever brings a flying camera's pictures: its stream, or the simulator in step with virtual time."""

    async def look(self, eye: DroneEye, on_report: Callable[[FrameReport], None]) -> None:
        """Lets the eye see until cancelled."""
        ...


class EyeDesk:
    """Makes an eye for each flight, takes what it reports, remembers where lifebuoys met the water."""

    def __init__(
        self, site: Site, clock: Clock, port: EyePort | None, on_report: Callable[[FrameReport], None]
    ) -> None:
        self._clock = clock
        self._frame = site.frame
        self._geometry = scene_geometry(site, water_amsl_m=site.river.level.low_amsl_m)
        self.port = port
        self.on_report = on_report
        self._lifebuoys: dict[UUID, tuple[Enu, float]] = {}

    def sees(self, drone: Drone) -> bool:
        """Whether this drone can look for somebody itself."""
        return drone.camera is not None and self.port is not None

    def eye(self, drone: Drone) -> DroneEye | None:
        """None when the drone has no camera, or nothing brings its pictures."""
        if drone.camera is None or self.port is None:
            return None
        return DroneEye(drone.eye_id, drone.camera, self._frame, self._geometry, preview_every_s=_PICTURE_EVERY_S)

    def dropped(self, incident_id: UUID, place: Enu) -> None:
        """A lifebuoy met the water there just now."""
        self._lifebuoys[incident_id] = (place, self._clock.time_s())

    def lifebuoy(self, incident_id: UUID, drift: Enu) -> Enu | None:
        """Where the incident's lifebuoy is by now, when it goes with the water."""
        known = self._lifebuoys.get(incident_id)
        return None if known is None else known[0] + drift.scaled(self._clock.time_s() - known[1])


class PoseFeed:
    """Carries one drone's telemetry to its eye, each sample once and with the time at which it was heard."""

    def __init__(self, eye: DroneEye, hands: DroneHands, clock: Clock) -> None:
        self._eye = eye
        self._hands = hands
        self._clock = clock
        self._position_s = self._attitude_s = -1.0
        self._headings: tuple[tuple[float, float], ...] = ()  # the last two: loop seconds, degrees

    def feed(self) -> None:
        self._feed_position()
        self._feed_attitude()

    def _feed_position(self) -> None:
        telemetry = self._hands.telemetry
        if telemetry is None or telemetry.position is None or telemetry.position_at_s is None:
            return
        if telemetry.position_at_s <= self._position_s:
            return
        self._position_s = telemetry.position_at_s
        at = self._clock.utc(telemetry.position_at_s)
        self._eye.poses.heard_position(at, telemetry.position, telemetry.amsl_m)
        if telemetry.heading_deg is not None:
            self._headings = (*self._headings[-1:], (telemetry.position_at_s, telemetry.heading_deg))

    def _feed_attitude(self) -> None:
        attitude = self._hands.vehicle.gimbal.attitude
        if attitude is None or attitude.at_s <= self._attitude_s:
            return
        heading_deg = 0.0 if attitude.from_north else self._heading_deg(attitude.at_s)
        if heading_deg is None:
            return
        self._attitude_s = attitude.at_s
        yaw, pitch, roll = of_gimbal(
            heading_deg,
            yaw_deg=attitude.yaw_deg,
            pitch_deg=attitude.pitch_deg,
            roll_deg=attitude.roll_deg,
            from_north=attitude.from_north,
        ).tolist()
        self._eye.poses.heard_attitude(self._clock.utc(attitude.at_s), yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll)

    def _heading_deg(self, at_s: float) -> float | None:
        """Of the nose, when the gimbal told its own: the two come in messages of their own."""
        if not self._headings or abs(at_s - self._headings[-1][0]) > _HEADING_FRESH_S:
            return None
        (before_s, before), (last_s, last) = self._headings[0], self._headings[-1]
        if last_s <= before_s:
            return last
        turned = (last - before + 180.0) % 360.0 - 180.0
        return (last + turned * (at_s - last_s) / (last_s - before_s)) % 360.0
