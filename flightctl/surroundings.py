"""Wind, water and bore as the service knows them: docks measure, the river is forecast, cameras correct."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime

import numpy as np
import structlog

from flightctl.clock import Clock
from flightctl.dock.client import DockClient
from flightctl.site_loading import Site
from geofence.bore import BoreForecast, Front, Passage
from geofence.current import CurrentField
from geofence.level import WaterLevel
from geofence.position import Enu
from geofence.windows import Conditions
from vision.alert import Alert, SurfaceCurrent, WaterReading

log = structlog.get_logger(__name__)

_FRESH_S = 20.0  # a level read longer ago says nothing of now
_SURE_M = 0.2
_READ_FOR_M = 600.0  # how far from where it was read a level holds, with no front between
_SAME_LEVEL_M = 0.4
_SIGHTING_SIGMA_S = 10.0  # of an alert that does not say how sure it is
_LEAST_SIGHTING_SIGMA_S = 2.0  # pictures come late, and a front is not a line
PASSED_S = 3600.0  # the danger lasts past the front (RIVER.md §7.10)


class Surroundings:
    def __init__(self, site: Site, clock: Clock, docks: Mapping[str, DockClient], forecast: BoreForecast) -> None:
        self.forecast = forecast
        self.current = CurrentField(site.river, forecast, site.zones.grounds())
        self._site = site
        self._clock = clock
        self._docks = docks
        self._level = WaterLevel(site.river, forecast)
        self._read: dict[str, WaterReading] = {}

    def wind(self) -> Enu:
        """Mean of what the docks measure, m/s, blowing towards. Still air when no dock is heard."""
        vectors: list[Enu] = []
        for dock in self._docks.values():
            status = dock.status
            if status is not None:
                towards = math.radians(status.wind_from_deg + 180.0)
                vectors.append(Enu(status.wind_mps * math.sin(towards), status.wind_mps * math.cos(towards)))
        if not vectors:
            return Enu(0.0, 0.0)
        return Enu(sum(v.east_m for v in vectors) / len(vectors), sum(v.north_m for v in vectors) / len(vectors))

    def wind_known(self) -> bool:
        return any(dock.status is not None for dock in self._docks.values())

    def water_amsl_m(self, place: Enu) -> float:
        """As a camera near by reads it, fresh and sure; else as forecast."""
        expected = self._forecast_amsl_m(place)
        measured = self.measured(place, expected)
        return expected if measured is None or measured.level_amsl_m is None else measured.level_amsl_m

    def measured(self, place: Enu, expected_amsl_m: float) -> WaterReading | None:
        """The surest level read near by, unless a front is expected to stand between there and here."""
        now = self._clock.now()
        best: WaterReading | None = None
        for reading in self._read.values():
            if reading.level_amsl_m is None or reading.sigma_m is None or reading.sigma_m > _SURE_M:
                continue
            there = self._site.frame.to_enu(reading.position)
            if abs((now - reading.at).total_seconds()) > _FRESH_S or there.distance_m(place) > _READ_FOR_M:
                continue
            if abs(self._forecast_amsl_m(there) - expected_amsl_m) > _SAME_LEVEL_M:
                continue
            if best is None or best.sigma_m is None or reading.sigma_m < best.sigma_m:
                best = reading
        return best

    def water_read(self, camera_id: str, reading: WaterReading | None) -> None:
        """What a camera's newest report says of the level."""
        if reading is not None:
            self._read[camera_id] = reading

    def currents_seen(self, currents: Iterable[SurfaceCurrent], at: datetime) -> None:
        """What a camera sees of the surface's motion corrects the current that drift is reckoned with."""
        for current in currents:
            place = self._site.frame.to_enu(current.position)
            self.current.observe(place, at, Enu(current.east_mps, current.north_mps), current.sigma_mps)

    def _forecast_amsl_m(self, place: Enu) -> float:
        points = np.array([[place.east_m, place.north_m]])
        return float(self._level.amsl_m(points, self._clock.now())[0])

    def conditions(self, place: Enu) -> Conditions:
        """What the windows of zones around a place are held against now."""
        return Conditions(self._clock.now(), self.forecast, self.water_amsl_m(place))

    def zone_counts(self, zone_id: str) -> bool:
        """Whether the zone's window is open now; one that the site does not know counts."""
        try:
            zone = self._site.zones.zone(zone_id)
        except KeyError:
            return True
        return self._site.zones.active(zone, self.conditions(zone.centre))

    def passage(self, place: Enu) -> Passage | None:
        """The next front at a place, or one that has passed within the last hour."""
        return self.forecast.next_passage(place, self._clock.now(), passed_s=PASSED_S)

    def bore_eta_s(self, place: Enu) -> float | None:
        """Seconds until the front is there; negative when it has passed."""
        passage = self.passage(place)
        return None if passage is None else (passage.at - self._clock.now()).total_seconds()

    def front(self) -> Front | None:
        return self.forecast.front(self._clock.now())

    def front_seen(self, alert: Alert) -> None:
        """A camera saw the front: every place upstream gets a new time."""
        if alert.position is None:
            return
        place = self._site.frame.to_enu(alert.position)
        taken = self.forecast.observe(place, alert.at, sigma_s=_sighting_sigma_s(alert))
        log.info("front observed", camera=alert.camera_id, taken=taken)


def _sighting_sigma_s(alert: Alert) -> float:
    """How sure the time is at which the front was where it was seen: its place's sigma, run through at its speed."""
    sigma_m, speed_mps = alert.details.get("front_sigma_m"), alert.details.get("speed_mps")
    if not isinstance(sigma_m, int | float) or not isinstance(speed_mps, int | float) or speed_mps <= 0:
        return _SIGHTING_SIGMA_S
    return max(sigma_m / speed_mps, _LEAST_SIGHTING_SIGMA_S)
