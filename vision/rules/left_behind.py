"""Something stays where a person was: clothes at the water's edge, a bag on the promenade.

    a small thing appears where somebody stands ──somebody leaves──► ALONE ──after_s──► told once
                                                                        └──taken away──► forgotten

It is off until the site switches it on. Nothing flies for it: it tells people to look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geofence.position import Enu
from vision.alert import AlertKind
from vision.detect import Detection, Shape
from vision.rules.finding import Finding
from vision.scene import FIRST_FORESHORE, LAND
from vision.track import Track


@dataclass(frozen=True, slots=True)
class LeftBehindConfig:
    on: bool = False
    after_s: float = 30.0
    owner_m: float = 2.5  # nearer than this, somebody put it there, or still minds it
    same_m: float = 0.6
    missing_s: float = 4.0
    seen_share: float = 0.6
    most: int = 64  # more things than this are no things
    shrunk_s: float = 1.5  # a person's track that shows only a small thing for so long stayed with the thing
    parted_s: float = 6.0  # within this the person who left it shows as somebody new ...
    parted_m: float = 8.0  # ... and no farther off


@dataclass(slots=True)
class _Thing:
    position: Enu
    detection: Detection
    first_s: float
    last_s: float
    alone_since_s: float | None = None
    owned: bool = False
    looks: int = 0
    seen: int = 1
    told: bool = False


class LeftBehindRule:
    def __init__(self, config: LeftBehindConfig) -> None:
        self._config = config
        self._things: list[_Thing] = []

    @property
    def boxes(self) -> tuple[Detection, ...]:
        """What is being watched: it must not be learnt into the background meanwhile."""
        return tuple(thing.detection for thing in self._things if thing.owned)

    def step(self, detections: Sequence[Detection], tracks: Sequence[Track], now_s: float) -> list[Finding]:
        config = self._config
        if not config.on:
            return []
        people = [t for t in tracks if t.was_person and t.confirmed and not self._shrunk(t, now_s)]
        lying = [d for d in detections if _is_thing(d) and not any(_inside(d, person, now_s) for person in people)]
        for thing in self._things:
            thing.looks += 1
        for detection in lying:
            self._seen(detection, people, now_s)
        self._things = [t for t in self._things if now_s - t.last_s <= config.missing_s and (t.owned or t.looks < 25)]
        findings = [self._told(thing, people, now_s) for thing in self._things]
        return [finding for finding in findings if finding is not None]

    def _seen(self, detection: Detection, people: Sequence[Track], now_s: float) -> None:
        config = self._config
        for thing in self._things:
            if thing.position.distance_m(detection.position) <= config.same_m + detection.sigma_m:
                thing.last_s, thing.detection = now_s, detection
                thing.seen += 1
                return
        if len(self._things) >= config.most:
            return
        owned = any(
            _near(person, detection.position, config.owner_m)
            or (now_s - person.born_s < config.parted_s and _near(person, detection.position, config.parted_m))
            for person in people
        )
        self._things.append(_Thing(detection.position, detection, now_s, now_s, owned=owned))

    def _shrunk(self, track: Track, now_s: float) -> bool:
        """What stays where somebody was keeps the track when the person walks out of the box they shared."""
        late = [seen for seen in track.history if now_s - seen.at_s <= self._config.shrunk_s]
        return len(late) >= 3 and all(seen.detection.shape is Shape.PART for seen in late)

    def _told(self, thing: _Thing, people: Sequence[Track], now_s: float) -> Finding | None:
        config = self._config
        if any(_near(p, thing.position, config.owner_m) for p in people if p.missing_s(now_s) < 1.0):
            thing.alone_since_s = None
            return None
        thing.alone_since_s = now_s if thing.alone_since_s is None else thing.alone_since_s
        alone_s = now_s - thing.alone_since_s
        steady = thing.seen >= config.seen_share * max(thing.looks, 1)
        if thing.told or not thing.owned or alone_s < config.after_s or not steady:
            return None
        thing.told = True
        details = {
            "alone_s": round(alone_s, 1),
            "reason": f"something {thing.detection.h / thing.detection.px_per_m:.1f} m tall has been left alone "
            f"for {alone_s:.0f} s (threshold {config.after_s:.0f} s)",
        }
        place, sigma_m = thing.position, thing.detection.sigma_m + thing.detection.bias_m
        return Finding(AlertKind.LEFT_BEHIND, place, sigma_m, None, 0.6, details)


def _is_thing(detection: Detection) -> bool:
    on_ground = detection.code == LAND or detection.code >= FIRST_FORESHORE
    return on_ground and detection.shape in {Shape.PART, Shape.PERSON} and detection.in_range


def _inside(detection: Detection, person: Track, now_s: float) -> bool:
    """It is the person, or a piece of one."""
    if person.missing_s(now_s) > 1.0:
        return False
    u, v = detection.foot
    box = person.detection
    return box.x - 2 <= u <= box.x + box.w + 2 and box.y - 2 <= v <= box.y + box.h + 2


def _near(person: Track, place: Enu, within_m: float) -> bool:
    return person.position.distance_m(place) <= within_m + person.detection.sigma_m
