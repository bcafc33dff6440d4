"""Expectations: short sentences such as `alert fall within 3 s`, each a check of the run's log.

The table at the end is the whole language; `docs/scenarios.md` shows it. A time is counted from the event the
sentence is naturally about (a fall, an entry), or from what `of start|fall|entry|splash|alert|launch` names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sim.scenario.record import Event, Record, Source
from vision.alert import AlertKind


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an expectation held, and what was measured."""

    held: bool
    measured: str
    value_s: float | None = None


Check = Callable[[Record], Verdict]


@dataclass(frozen=True, slots=True)
class Expectation:
    """One sentence and what it checks."""

    text: str
    check: Check


@dataclass(frozen=True, slots=True)
class Limit:
    """`within N s [of X]`; no limit means at any time."""

    seconds: float | None
    anchor: str | None


_TROUBLE = ("fell", "climbed_down", "swept", "splash")
_ANCHORS: dict[str, tuple[Source, tuple[str, ...]]] = {
    "fall": (Source.WORLD, ("fell",)),
    "entry": (Source.WORLD, ("climbed_down",)),
    "splash": (Source.WORLD, ("splash", "swept")),
    "alert": (Source.VISION, ("alert",)),
    "launch": (Source.DRONE, ("airborne",)),
    "fault": (Source.RUNNER, ("fault",)),
}
_NATURAL: dict[AlertKind, tuple[str, ...]] = {
    AlertKind.FALL: ("fell",),
    AlertKind.ZONE_ENTRY: ("climbed_down",),
    AlertKind.PERSON_IN_WATER: ("splash", "swept", "fell"),
}


def parse_expectation(text: str) -> Expectation:
    """Raises ValueError, naming the sentences there are, when none fits."""
    sentence = " ".join(text.split())
    for pattern, build in _TABLE:
        match = pattern.regex.fullmatch(sentence)
        if match is not None:
            return Expectation(sentence, build(match))
    known = "; ".join(known_sentences())
    raise ValueError(f"{sentence!r} is no known expectation; known are: {known}")


def known_sentences() -> tuple[str, ...]:
    return tuple(pattern.example for pattern, _ in _TABLE)


# --- checks ---------------------------------------------------------------------------------------------------


def _happens(what: str, limit: Limit, find: Callable[[Record], Iterable[Event]], natural: tuple[str, ...]) -> Check:
    """`find`'s first event comes, and within the limit."""

    def check(record: Record) -> Verdict:
        start_s = _start_s(record, limit.anchor, natural)
        if start_s is None:
            return Verdict(False, f"nothing to count from: no {limit.anchor or ' or '.join(natural)} happened")
        event = next((e for e in find(record) if e.at_s >= start_s - 1e-9), None)
        if event is None:
            return Verdict(False, f"{what}: never")
        taken_s = event.at_s - start_s
        held = limit.seconds is None or taken_s <= limit.seconds + 1e-9
        return Verdict(held, f"{what} after {taken_s:.1f} s{_shown(event)}", taken_s)

    return check


def _never(what: str, find: Callable[[Record], Iterable[Event]]) -> Check:
    def check(record: Record) -> Verdict:
        event = next(iter(find(record)), None)
        if event is None:
            return Verdict(True, f"{what}: none")
        return Verdict(False, f"{what} at {event.at_s:.1f} s{_shown(event)}", event.at_s)

    return check


def _start_s(record: Record, anchor: str | None, natural: tuple[str, ...]) -> float | None:
    if anchor == "start":
        return 0.0
    if anchor is not None:
        source, kinds = _ANCHORS[anchor]
        event = record.first(source, *kinds)
        return None if event is None else event.at_s
    if not natural:
        return 0.0
    event = record.first(Source.WORLD, *natural)
    return None if event is None else event.at_s


def _shown(event: Event) -> str:
    words = [event.subject] if event.subject else []
    words += [
        f"{key} {value}" for key, value in event.data.items() if key in {"camera", "priority", "dock", "reason"}
    ]
    return f" ({', '.join(words)})" if words else ""


def _limit(match: re.Match[str]) -> Limit:
    seconds = match["seconds"]
    return Limit(None if seconds is None else float(seconds), match["anchor"])


# --- sentences ------------------------------------------------------------------------------------------------


def _alert(match: re.Match[str]) -> Check:
    kind = AlertKind(match["kind"])
    natural = _NATURAL.get(kind, ())
    return _happens(f"alert {kind.value}", _limit(match), lambda r: _alerts(r, kind), natural)


def _alerts(record: Record, kind: AlertKind | None = None) -> Iterable[Event]:
    return (e for e in record.of(Source.VISION, "alert") if (kind is None or e.data["kind"] == kind.value))


def _no_alert(match: re.Match[str]) -> Check:
    kind = None if match["kind"] is None else AlertKind(match["kind"])
    return _never("alert", lambda r: _alerts(r, kind))


def _incident(match: re.Match[str]) -> Check:
    wanted = match["priority"]
    natural = ("fell", "swept", "splash") if wanted == "P1" else _TROUBLE

    def find(record: Record) -> Iterable[Event]:
        return (e for e in record.of(Source.SERVICE, "opened", "priority") if e.data.get("priority") == wanted)

    return _happens(f"incident {wanted}", _limit(match), find, natural)


def _hail(match: re.Match[str]) -> Check:
    by_drone = match["drone"] is not None

    def find(record: Record) -> Iterable[Event]:
        said = record.of(Source.SPEAKER, "says")
        return (e for e in said if (e.subject in record.drone_speakers) or not by_drone)

    return _happens("drone's hail" if by_drone else "hail", _limit(match), find, _TROUBLE)


def _buoy(match: re.Match[str]) -> Check:
    limit, metres, person = _limit(match), float(match["metres"]), match["person"]

    def check(record: Record) -> Verdict:
        start_s = _start_s(record, limit.anchor, ("fell", "swept", "splash"))
        drops = list(record.of(Source.WORLD, "buoy_splash"))
        if start_s is None or not drops:
            return Verdict(False, "no lifebuoy met the water")
        best: tuple[float, float] | None = None
        for drop in drops:
            if person not in {"person", drop.data.get("person_id")} or "distance_m" not in drop.data:
                continue
            distance_m, taken_s = float(drop.data["distance_m"]), drop.at_s - start_s
            best = (distance_m, taken_s) if best is None or distance_m < best[0] else best
            if distance_m <= metres and (limit.seconds is None or taken_s <= limit.seconds):
                return Verdict(
                    True, f"{distance_m:.1f} m from {drop.data['person_id']} after {taken_s:.1f} s", taken_s
                )
        if best is None:
            return Verdict(False, "a lifebuoy met the water, but nobody was in it")
        return Verdict(False, f"nearest {best[0]:.1f} m after {best[1]:.1f} s", best[1])

    return check


def _reached(match: re.Match[str]) -> Check:
    def find(record: Record) -> Iterable[Event]:
        return record.of(Source.WORLD, "reached_buoy")

    return _happens("lifebuoy reached", _limit(match), find, ("fell", "swept", "splash"))


def _back(match: re.Match[str]) -> Check:
    person = match["person"]

    def find(record: Record) -> Iterable[Event]:
        back = record.of(Source.WORLD, "walked_back")
        return (e for e in back if person in {"person", e.subject})

    return _happens("back on the promenade", _limit(match), find, ("climbed_down",))


def _state(match: re.Match[str]) -> Check:
    wanted = match["state"]

    def find(record: Record) -> Iterable[Event]:
        return (e for e in record.of(Source.SERVICE, "state") if e.data.get("state") == wanted)

    return _happens(f"incident {wanted}", _limit(match), find, _TROUBLE)


def _chosen(match: re.Match[str]) -> Check:
    wanted, place = match["id"], match["what"]

    def check(record: Record) -> Verdict:
        chosen = [str(e.data.get(place)) for e in record.of(Source.SERVICE, "decision")]
        return Verdict(wanted in chosen, f"chosen: {', '.join(chosen) or 'none'}")

    return check


def _second_dock(_match: re.Match[str]) -> Check:
    def check(record: Record) -> Verdict:
        by_incident: dict[str, list[str]] = {}
        for event in record.of(Source.SERVICE, "decision"):
            dock = event.data.get("dock")
            if dock is not None and dock not in by_incident.setdefault(event.subject, []):
                by_incident[event.subject].append(str(dock))
        most = max(by_incident.values(), key=len, default=[])
        flown = record.first(Source.DRONE, "airborne") is not None
        return Verdict(len(most) > 1 and flown, f"docks sent in turn: {', '.join(most) or 'none'}")

    return check


def _launched(match: re.Match[str]) -> Check:
    drone = match["drone"]

    def find(record: Record) -> Iterable[Event]:
        return record.of(Source.DRONE, "airborne", subject=None if drone == "drone" else drone)

    return _happens("airborne", _limit(match), find, _TROUBLE)


def _docked(match: re.Match[str]) -> Check:
    drone = match["drone"]

    def find(record: Record) -> Iterable[Event]:
        return record.of(Source.DRONE, "docked", subject=None if drone == "drone" else drone)

    return _happens("docked", _limit(match), find, _TROUBLE)


def _all_docked(_match: re.Match[str]) -> Check:
    def check(record: Record) -> Verdict:
        flown = {e.subject for e in record.of(Source.DRONE, "airborne")}
        docked = {e.subject for e in record.of(Source.DRONE, "docked")}
        out = sorted(flown - docked)
        return Verdict(not out, f"flown: {len(flown)}, not docked: {', '.join(out) or 'none'}")

    return check


def _mode(match: re.Match[str]) -> Check:
    drone, mode = match["drone"], match["mode"].upper()

    def find(record: Record) -> Iterable[Event]:
        modes = record.of(Source.DRONE, "mode", subject=None if drone == "drone" else drone)
        return (e for e in modes if e.data.get("mode") == mode)

    return _happens(f"mode {mode}", _limit(match), find, ())


def _dock_state(match: re.Match[str]) -> Check:
    dock, wanted = match["dock"], match["state"]

    def find(record: Record) -> Iterable[Event]:
        states = record.of(Source.DOCK, "state", subject=dock)
        return (e for e in states if e.data.get("state") == wanted)

    return _happens(f"{dock} {wanted}", _limit(match), find, ())


def _no_launch(_match: re.Match[str]) -> Check:
    return _never("launch", lambda r: r.of(Source.DRONE, "airborne"))


def _no_drop(_match: re.Match[str]) -> Check:
    return _never("drop", lambda r: r.of(Source.WORLD, "buoy_released"))


def _no_incident(_match: re.Match[str]) -> Check:
    return _never("incident", lambda r: r.of(Source.SERVICE, "opened"))


def _step(match: re.Match[str]) -> Check:
    wanted = match["step"]

    def find(record: Record) -> Iterable[Event]:
        return (e for e in record.of(Source.SERVICE, "timeline") if e.data.get("step") == wanted)

    return _happens(f"step {wanted}", _limit(match), find, _TROUBLE)


@dataclass(frozen=True, slots=True)
class _Pattern:
    example: str
    regex: re.Pattern[str]


def _pattern(example: str, regex: str, *, timed: bool = True) -> _Pattern:
    anchors = "|".join(("start", *_ANCHORS))
    suffix = rf"(?: within (?P<seconds>\d+(?:\.\d+)?) s(?: of (?P<anchor>{anchors}))?)?" if timed else ""
    return _Pattern(example + (" [within N s [of ANCHOR]]" if timed else ""), re.compile(regex + suffix))


_KINDS = "|".join(kind.value for kind in AlertKind)
_ID = r"[a-z0-9][a-z0-9-]{0,31}"
_STATES = "verified|dispatched|airborne|on_scene|acting|resolved|closed|rejected|cancelled|escalated"
_TABLE: tuple[tuple[_Pattern, Callable[[re.Match[str]], Check]], ...] = (
    (_pattern("alert KIND", rf"alert (?P<kind>{_KINDS})"), _alert),
    (_pattern("no alert [KIND]", rf"no alert(?: (?P<kind>{_KINDS}))?", timed=False), _no_alert),
    (_pattern("incident P1", r"incident (?P<priority>P[1-4])"), _incident),
    (_pattern("incident STATE", rf"incident (?P<state>{_STATES})"), _state),
    (_pattern("no incident", r"no incident", timed=False), _no_incident),
    (_pattern("hail [from drone]", r"hail(?P<drone> from drone)?"), _hail),
    (_pattern("dock ID chosen", rf"(?P<what>dock|drone) (?P<id>{_ID}) chosen", timed=False), _chosen),
    (_pattern("second dock sent", r"second dock sent", timed=False), _second_dock),
    (_pattern("no drone launched", r"no drone launched", timed=False), _no_launch),
    (_pattern("DRONE launched", rf"(?P<drone>{_ID}) launched"), _launched),
    (_pattern("DRONE docked", rf"(?P<drone>{_ID}) docked"), _docked),
    (_pattern("every drone docked", r"every drone docked", timed=False), _all_docked),
    (_pattern("DRONE in mode MODE", rf"(?P<drone>{_ID}) in mode (?P<mode>[A-Za-z_]+)"), _mode),
    (_pattern("DOCK in state STATE", rf"(?P<dock>{_ID}) in state (?P<state>[a-z_]+)"), _dock_state),
    (_pattern("no drop", r"no drop", timed=False), _no_drop),
    (
        _pattern(
            "lifebuoy within M m of PERSON", rf"lifebuoy within (?P<metres>\d+(?:\.\d+)?) m of (?P<person>{_ID})"
        ),
        _buoy,
    ),
    (_pattern("person reaches lifebuoy", r"person reaches lifebuoy"), _reached),
    (_pattern("PERSON back on promenade", rf"(?P<person>{_ID}) back on promenade"), _back),
    (_pattern("step STEP", r"step (?P<step>[a-z_]+)"), _step),
)
