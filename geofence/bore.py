"""When the bore reaches a place, how sure that is, and where its front is now.

Three layers, each overriding the one before it for one and the same bore (RIVER.md §2):

    Moon's transit at the reference station, less the site's lead     sigma 22 min in springs, 45 outside
    official table entries, refused when far from the Moon's time     sigma as stated, a few minutes
    the front itself, seen somewhere on the river                     seconds, growing with travel time

A layer fixes the passage at one or more places (anchors); the stations' offsets carry it along the river.
Danger goes on after the front has passed, so `next_passage` keeps answering with a bore that has.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np

from geofence import moon
from geofence.position import Enu, FloatArray
from geofence.river import River

_SAME_BORE = timedelta(hours=3)  # bores are 12 h 25 min apart
_SIGMA_FLOOR_S = 3.0  # a front is not a line; many sightings do not make it sharper than this
_KEPT_SIGHTINGS = 8
_APART_M = 50.0  # rollers behind the front pass one and the same place again and again


class PassageSource(StrEnum):
    ASTRONOMY = "astronomy"
    TABLE = "table"
    OBSERVATION = "observation"


@dataclass(frozen=True, slots=True)
class Passage:
    """The front at one place."""

    at: datetime
    sigma_s: float
    source: PassageSource

    def eta_s(self, now: datetime) -> float:
        """Seconds until the front; negative when it has passed."""
        return (self.at - now).total_seconds()


@dataclass(frozen=True, slots=True)
class Overdue:
    """A front that was expected and not seen."""

    expected: Passage
    late_s: float


@dataclass(frozen=True, slots=True)
class Front:
    """The front on the river's axis at one moment."""

    position: Enu
    chainage_m: float
    speed_mps: float
    sigma_s: float
    observed: bool


@dataclass(frozen=True, slots=True)
class TableEntry:
    """One line of an official forecast. It speaks of its own bore only, never of another day's."""

    station_id: str
    at: datetime
    source: str
    sigma_s: float = 300.0  # what the forecasters claim for spring tides (RIVER.md §1.4)


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    entry: TableEntry
    reason: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """What became of an observation."""

    accepted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class _Anchor:
    offset_s: float  # of its place, after the reference station
    at_s: float  # POSIX seconds
    sigma_s: float


@dataclass(frozen=True, slots=True)
class _Bore:
    """One bore: its time at the reference station by the Moon, and the best anchors there are."""

    prior_s: float
    source: PassageSource
    anchors: tuple[_Anchor, ...]  # ascending in offset and in time


class BoreForecast:
    """Forecast for one river. Not to be shared between threads: observations change it."""

    def __init__(self, river: River, table: Sequence[TableEntry] = ()) -> None:
        self.river = river
        self._model = river.bore
        self._station_chainage = np.array([s.chainage_m for s in river.stations])
        self._station_offset_s = np.array([s.offset_min * 60.0 for s in river.stations])
        self._station_sigma_s = np.array([s.offset_sigma_min * 60.0 for s in river.stations])
        self._priors_of_day: dict[int, tuple[_Bore, ...]] = {}
        self._seen: list[tuple[float, _Anchor]] = []  # prior of the bore, the anchor
        self._doubted: tuple[float, _Anchor] | None = None  # the last sighting refused for its speed
        self._table: dict[float, tuple[_Anchor, ...]] = {}
        self.typhoon = False
        """While one is near, the bore comes earlier and less surely; a table or a sighting knows that already."""
        self.refused: tuple[RefusedEntry, ...] = ()
        """Table entries that were not taken, with the reason."""
        self._take_table(table)

    # -- questions ---------------------------------------------------------------------------------

    def next_passage(self, place: Enu, after: datetime, *, passed_s: float = 3600.0) -> Passage:
        """The next front at `place`, or the last one while it is less than `passed_s` ago."""
        offset_s, sigma_s = self._offset(self.river.chainage_m(place))
        earliest = _seconds(after) - passed_s
        for bore in self._bores(earliest - offset_s - 4 * 3600, earliest - offset_s + 30 * 3600):
            at_s = _time_at(bore, offset_s)
            if at_s >= earliest:
                return Passage(_utc(at_s), self._sigma(bore, offset_s, sigma_s), bore.source)
        raise AssertionError("the Moon crosses the meridian twice a day")

    def front(self, at: datetime) -> Front | None:
        """The front on the axis, or None while no bore is on it."""
        now_s = _seconds(at)
        first, _ = self._offset(0.0)
        last, _ = self._offset(self.river.length_m)
        for bore in self._bores(now_s - last - 4 * 3600, now_s - first + 4 * 3600):
            offset_s = _offset_reached(bore, now_s)
            if not first <= offset_s <= last:
                continue
            chainage = self._chainage(offset_s)
            ahead = self._chainage(_offset_reached(bore, now_s + 5.0))
            behind = self._chainage(_offset_reached(bore, now_s - 5.0))
            sigma_s = self._sigma(bore, offset_s, self._offset(chainage)[1])
            return Front(
                self.river.point_at(chainage),
                chainage,
                (ahead - behind) / 10.0,
                sigma_s,
                bore.source is PassageSource.OBSERVATION,
            )
        return None

    def since_front_s(self, points: FloatArray, at: datetime) -> FloatArray:
        """(n,) seconds since the last front passed each of (n, 2) points; never negative."""
        return self.since_front_at_s(self.river.chainage_array(points), at)

    def since_front_at_s(self, chainages: FloatArray, at: datetime) -> FloatArray:
        """The same for places known by their chainage."""
        offsets = self._offsets(chainages)
        now_s = _seconds(at)
        since = np.full(len(offsets), np.inf)
        if len(offsets) == 0:
            return since
        earliest, latest = now_s - float(offsets.max()), now_s - float(offsets.min())
        for bore in reversed(self._bores(earliest - 20 * 3600, latest + 4 * 3600)):
            passed = now_s - _times_at(bore, offsets)
            since = np.where((passed >= 0) & (passed < since), passed, since)
            if np.isfinite(since).all():
                break
        return since

    def reference_passages(self, start: datetime, end: datetime) -> tuple[Passage, ...]:
        """Every bore at the reference station between two instants."""
        found: list[Passage] = []
        for bore in self._bores(_seconds(start) - 4 * 3600, _seconds(end) + 4 * 3600):
            at_s = _time_at(bore, 0.0)
            if _seconds(start) <= at_s < _seconds(end):
                found.append(Passage(_utc(at_s), self._sigma(bore, 0.0, 0.0), bore.source))
        return tuple(found)

    def overdue(self, place: Enu, now: datetime) -> Overdue | None:
        """A front that should have passed `place` by now, with three sigma to spare, and that nobody has seen.

        It is late, it did not come, or the cameras missed it: none of these is an all-clear. Told for three hours.
        """
        offset_s, sigma_s = self._offset(self.river.chainage_m(place))
        now_s = _seconds(now)
        for bore in reversed(self._bores(now_s - offset_s - 6 * 3600, now_s - offset_s + 3600)):
            if bore.source is PassageSource.OBSERVATION:
                return None
            expected_s, spread_s = _time_at(bore, offset_s), self._sigma(bore, offset_s, sigma_s)
            late_s = now_s - expected_s
            if 3 * spread_s < late_s < 3 * spread_s + 3 * 3600:
                return Overdue(Passage(_utc(expected_s), spread_s, bore.source), late_s)
            if late_s >= 0:
                return None
        return None

    # -- what is learnt ----------------------------------------------------------------------------

    def observe(self, place: Enu, at: datetime, sigma_s: float = 10.0) -> Sighting:
        """The front was seen passing `place`. Upstream arrival times follow from it at once."""
        offset_s, offset_sigma_s = self._offset(self.river.chainage_m(place))
        at_s = _seconds(at)
        bore = min(self._bores(at_s - offset_s - 10 * 3600, at_s - offset_s + 10 * 3600),
                   key=lambda b: abs(_time_at(b, offset_s) - at_s))  # fmt: skip
        expected_s = _time_at(bore, offset_s)
        expected_sigma_s = self._sigma(bore, offset_s, offset_sigma_s)
        off_s = at_s - expected_s
        limit_s = max(self._model.table_window_min * 60.0, 3 * expected_sigma_s)
        if bore.source is not PassageSource.OBSERVATION and abs(off_s) > limit_s:
            return Sighting(False, f"{off_s / 60:+.0f} min from the expected front; no bore is due then")
        seen = self._anchor_seen(bore.prior_s)
        if seen is None:
            self._remember(bore.prior_s, _Anchor(offset_s, at_s, max(sigma_s, _SIGMA_FLOOR_S)))
            return Sighting(True, f"first sighting of this bore, {off_s:+.0f} s from the forecast")
        refusal = self._speed_refusal(seen, offset_s, at_s, sigma_s)
        if refusal is not None:
            return self._doubt(bore.prior_s, _Anchor(offset_s, at_s, max(sigma_s, _SIGMA_FLOOR_S)), refusal)
        weight = expected_sigma_s**2 / (expected_sigma_s**2 + sigma_s**2)
        fused_s = expected_s + weight * off_s
        fused_sigma_s = max(_SIGMA_FLOOR_S, math.sqrt(weight) * sigma_s)
        if offset_s >= seen.offset_s:
            anchor = _Anchor(offset_s, fused_s, fused_sigma_s)
        else:  # a report from downstream that came late: it moves the newest anchor, not its place
            anchor = _Anchor(seen.offset_s, seen.at_s + fused_s - expected_s, seen.sigma_s)
        self._remember(bore.prior_s, anchor)
        return Sighting(True, f"{off_s:+.0f} s from the earlier sighting's forecast")

    def _doubt(self, prior_s: float, sighting: _Anchor, refusal: str) -> Sighting:
        """Refused, unless an earlier refused one at another place bears it out: then the first was the false one."""
        doubted = self._doubted
        self._doubted = (prior_s, sighting)
        if doubted is None or abs(doubted[0] - prior_s) >= 60.0:
            return Sighting(False, refusal)
        apart_m = abs(self._chainage(sighting.offset_s) - self._chainage(doubted[1].offset_s))
        if apart_m < _APART_M or self._speed_refusal(doubted[1], sighting.offset_s, sighting.at_s, sighting.sigma_s):
            return Sighting(False, refusal)
        self._remember(prior_s, sighting)
        self._doubted = None
        return Sighting(True, "two sightings agree against the first, which is dropped")

    def _speed_refusal(self, seen: _Anchor, offset_s: float, at_s: float, sigma_s: float) -> str | None:
        distance_m = abs(self._chainage(offset_s) - self._chainage(seen.offset_s))
        elapsed_s = (at_s - seen.at_s) * (1 if offset_s >= seen.offset_s else -1)
        slack_s = 3 * math.hypot(sigma_s, seen.sigma_s)
        fastest_s = distance_m / self._model.speed_max_mps - slack_s
        slowest_s = distance_m / self._model.speed_min_mps + slack_s
        if fastest_s <= elapsed_s <= slowest_s:
            return None
        return (
            f"{distance_m:.0f} m in {elapsed_s:.0f} s since the last sighting is outside "
            f"{self._model.speed_min_mps:g}-{self._model.speed_max_mps:g} m/s"
        )

    def _anchor_seen(self, prior_s: float) -> _Anchor | None:
        return next((anchor for prior, anchor in self._seen if abs(prior - prior_s) < 60.0), None)

    def _remember(self, prior_s: float, anchor: _Anchor) -> None:
        self._seen = [(p, a) for p, a in self._seen if abs(p - prior_s) >= 60.0][-_KEPT_SIGHTINGS + 1 :]
        self._seen.append((prior_s, anchor))

    def _take_table(self, table: Sequence[TableEntry]) -> None:
        refused: list[RefusedEntry] = []
        taken: dict[float, list[tuple[TableEntry, _Anchor]]] = {}
        for entry in sorted(table, key=lambda e: e.at):
            try:
                station = self.river.station(entry.station_id)
            except KeyError:
                refused.append(RefusedEntry(entry, f"the river has no station {entry.station_id!r}"))
                continue
            offset_s = station.offset_min * 60.0
            at_s = _seconds(entry.at)
            bore = min(self._priors(at_s - offset_s - 10 * 3600, at_s - offset_s + 10 * 3600),
                       key=lambda b: abs(b.prior_s + offset_s - at_s))  # fmt: skip
            off_min = (at_s - bore.prior_s - offset_s) / 60.0
            if abs(off_min) > self._model.table_window_min:
                reason = (
                    f"{off_min:+.0f} min from the Moon's time at {station.id}; "
                    f"more than {self._model.table_window_min:.0f} min is not credible"
                )
                refused.append(RefusedEntry(entry, reason))
                continue
            anchor = _Anchor(offset_s, at_s, entry.sigma_s)
            taken.setdefault(bore.prior_s, []).append((entry, anchor))
        for prior_s, group in taken.items():
            group.sort(key=lambda pair: pair[1].offset_s)
            in_order = all(b[1].offset_s > a[1].offset_s and b[1].at_s > a[1].at_s
                           for a, b in itertools.pairwise(group))  # fmt: skip
            if in_order:
                self._table[prior_s] = tuple(anchor for _, anchor in group)
            else:
                reason = "the stations of this bore are not in the order the front reaches them"
                refused += [RefusedEntry(entry, reason) for entry, _ in group]
        self.refused = tuple(refused)

    # -- bores and their anchors -------------------------------------------------------------------

    def _bores(self, start_s: float, end_s: float) -> list[_Bore]:
        """Bores whose time by the Moon lies in the span, each with the best anchors known."""
        return [self._best(prior) for prior in self._priors(start_s, end_s)]

    def _best(self, prior: _Bore) -> _Bore:
        seen = self._anchor_seen(prior.prior_s)
        if seen is not None:
            return _Bore(prior.prior_s, PassageSource.OBSERVATION, (seen,))
        for table_prior_s, anchors in self._table.items():
            if abs(table_prior_s - prior.prior_s) < 60.0:
                return _Bore(prior.prior_s, PassageSource.TABLE, anchors)
        if self.typhoon:
            (anchor,) = prior.anchors
            at_s = anchor.at_s - 60.0 * self._model.typhoon_earlier_min
            sigma_s = math.hypot(anchor.sigma_s, 60.0 * self._model.typhoon_sigma_min)
            return _Bore(prior.prior_s, prior.source, (_Anchor(anchor.offset_s, at_s, sigma_s),))
        return prior

    def _priors(self, start_s: float, end_s: float) -> list[_Bore]:
        days = range(int(start_s // 86400), int(end_s // 86400) + 1)
        return [bore for day in days for bore in self._priors_of(day) if start_s <= bore.prior_s <= end_s]

    def _priors_of(self, day: int) -> tuple[_Bore, ...]:
        """The Moon's bores of one UTC day, reckoned once."""
        if day not in self._priors_of_day:
            lead_s = self._model.lead_before_transit_min * 60.0
            start = _utc(day * 86400.0 + lead_s)
            bores: list[_Bore] = []
            for transit in moon.transits(self.river.reference_station.position, start, start + timedelta(days=1)):
                sigma_min = self._model.sigma_spring_min if moon.is_spring(transit) else self._model.sigma_neap_min
                at_s = _seconds(transit) - lead_s
                bores.append(_Bore(at_s, PassageSource.ASTRONOMY, (_Anchor(0.0, at_s, sigma_min * 60.0),)))
            if len(self._priors_of_day) > 400:
                self._priors_of_day.clear()
            self._priors_of_day[day] = tuple(bores)
        return self._priors_of_day[day]

    def _sigma(self, bore: _Bore, offset_s: float, offset_sigma_s: float) -> float:
        """Best over the anchors: its own sigma and that of the way from there."""
        best = math.inf
        for anchor in bore.anchors:
            _, anchor_sigma_s = self._offset(self._chainage(anchor.offset_s))
            travel_s = abs(offset_s - anchor.offset_s) * self._model.travel_noise
            if bore.source is not PassageSource.OBSERVATION:
                travel_s = max(travel_s, abs(offset_sigma_s - anchor_sigma_s))
            best = min(best, math.hypot(anchor.sigma_s, travel_s))
        return best

    # -- chainage and offset -----------------------------------------------------------------------

    def _offset(self, chainage_m: float) -> tuple[float, float]:
        """Seconds after the reference station, and the sigma of that."""
        offset_s = float(self._offsets(np.array([chainage_m]))[0])
        return offset_s, float(np.interp(chainage_m, self._station_chainage, self._station_sigma_s))

    def _offsets(self, chainages: FloatArray) -> FloatArray:
        return _interpolated(chainages, self._station_chainage, self._station_offset_s)

    def _chainage(self, offset_s: float) -> float:
        return float(_interpolated(np.array([offset_s]), self._station_offset_s, self._station_chainage)[0])


def _interpolated(values: FloatArray, known: FloatArray, wanted: FloatArray) -> FloatArray:
    """Linear between the known points, and on at the end segments' slope beyond them."""
    index = np.clip(np.searchsorted(known, values, side="right") - 1, 0, len(known) - 2)
    slope = (wanted[index + 1] - wanted[index]) / (known[index + 1] - known[index])
    return wanted[index] + (values - known[index]) * slope


def _times_at(bore: _Bore, offsets: FloatArray) -> FloatArray:
    """POSIX seconds at places of these offsets: through the anchors, as the offsets say beyond them."""
    places = np.array([a.offset_s for a in bore.anchors])
    late = np.array([a.at_s - a.offset_s for a in bore.anchors])
    return offsets + np.interp(offsets, places, late)


def _time_at(bore: _Bore, offset_s: float) -> float:
    return float(_times_at(bore, np.array([offset_s]))[0])


def _offset_reached(bore: _Bore, now_s: float) -> float:
    """The offset of the place the front is at: the inverse of `_time_at`, as exact as the anchors."""
    times = np.array([a.at_s for a in bore.anchors])
    late = np.array([a.at_s - a.offset_s for a in bore.anchors])
    return now_s - float(np.interp(now_s, times, late))


def _seconds(at: datetime) -> float:
    if at.tzinfo is None:
        raise ValueError("a time without its zone cannot be placed on the tide")
    return at.timestamp()


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
