"""The bore's constants fitted anew to what was seen: the channel moves, and the offsets with it (RIVER.md §1.1, §2).

Rolling medians over the last spring tides: one wrong entry cannot move them, and a tide that was fought over by a
typhoon counts no more than any other.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from geofence import moon
from geofence.river import River

_TIDES = 10  # spring tides looked back on
_FEWEST = 3  # below, a median says nothing new
_SAME_TIDE = timedelta(days=6)  # bores of one spring lie within this
_NEAR = timedelta(minutes=150)  # of the Moon's time: else it belongs to no bore


@dataclass(frozen=True, slots=True)
class Seen:
    station_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Fitted:
    """One constant, and how the forecast by the old and the new value would have done; minutes."""

    name: str  # "lead_before_transit_min", or a station's id for its offset
    old_min: float
    new_min: float
    sigma_min: float  # robust, of what is left
    count: int
    mean_error_min: float  # of the old value: positive when the front came late
    mean_absolute_error_min: float
    fitted_error_min: float  # mean absolute, of the new value


@dataclass(frozen=True, slots=True)
class Fit:
    fitted: tuple[Fitted, ...]
    left_out: tuple[tuple[Seen, str], ...]


def fit(river: River, history: Iterable[Seen], *, tides: int = _TIDES) -> Fit:
    """The lead before the Moon's transit and each station's offset, from fronts seen in spring tides.

    Constants with fewer than three sightings are left as they are and do not show.
    """
    reference = river.reference_station
    leads: list[tuple[datetime, float]] = []
    by_bore: dict[datetime, dict[str, datetime]] = defaultdict(dict)
    left_out: list[tuple[Seen, str]] = []
    for seen in sorted(history, key=lambda s: s.at):
        try:
            station = river.station(seen.station_id)
        except KeyError:
            left_out.append((seen, "the river has no such station"))
            continue
        if seen.at.tzinfo is None:
            left_out.append((seen, "its time has no zone"))
            continue
        here = seen.at - timedelta(minutes=station.offset_min - river.bore.lead_before_transit_min)
        found = moon.transits(reference.position, here - timedelta(hours=7), here + timedelta(hours=7))
        transit = min(found, key=lambda t: abs(t - here))
        if abs(transit - here) > _NEAR:
            left_out.append((seen, "no bore was due then"))
        elif not moon.is_spring(transit):
            left_out.append((seen, "not a spring tide"))
        else:
            by_bore[transit][station.id] = seen.at
            if station.id == reference.id:
                leads.append((transit, (transit - seen.at).total_seconds() / 60.0))
    fitted: list[Fitted] = []
    lead = _fitted("lead_before_transit_min", river.bore.lead_before_transit_min, _recent(leads, tides), sign=-1.0)
    if lead is not None:
        fitted.append(lead)
    for station in river.stations:
        if station.id == reference.id:
            continue
        offsets = [
            (transit, (at[station.id] - at[reference.id]).total_seconds() / 60.0)
            for transit, at in by_bore.items()
            if station.id in at and reference.id in at
        ]
        offset = _fitted(station.id, station.offset_min, _recent(offsets, tides), sign=1.0)
        if offset is not None:
            fitted.append(offset)
    return Fit(tuple(fitted), tuple(left_out))


def _recent(values: list[tuple[datetime, float]], tides: int) -> list[float]:
    """Of the last so many spring tides; a tide is the bores that lie within days of each other."""
    kept: list[float] = []
    seen_tides = 0
    last: datetime | None = None
    for at, value in sorted(values, reverse=True):
        if last is None or last - at > _SAME_TIDE:
            seen_tides += 1
            last = at
        if seen_tides > tides:
            break
        kept.append(value)
    return kept


def _fitted(name: str, old: float, values: list[float], *, sign: float) -> Fitted | None:
    """`sign` turns a larger value into a later front: -1 for a lead."""
    if len(values) < _FEWEST:
        return None
    array = np.array(values)
    new = float(np.median(array))
    spread = 1.4826 * float(np.median(np.abs(array - new)))  # of a normal distribution with this median deviation
    return Fitted(
        name=name,
        old_min=old,
        new_min=round(new, 1),
        sigma_min=round(math.hypot(spread, 1.2533 * spread / math.sqrt(len(values))), 1),
        count=len(values),
        mean_error_min=round(float(sign * (array - old).mean()), 1),
        mean_absolute_error_min=round(float(np.abs(array - old).mean()), 1),
        fitted_error_min=round(float(np.abs(array - new).mean()), 1),
    )
