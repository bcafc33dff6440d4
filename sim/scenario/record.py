"""What happened in a run, in the order it happened: the log every expectation, report and replay reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from geofence.position import Enu


class Source(StrEnum):
    WORLD = "world"  # the truth: people, water, lifebuoys
    VISION = "vision"  # what the cameras' pipelines said
    SERVICE = "service"  # incidents, decisions, timeline
    DOCK = "dock"  # the device itself
    DRONE = "drone"
    SPEAKER = "speaker"
    RUNNER = "runner"  # faults and deeds of the scenario


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, in seconds of the run."""

    at_s: float
    source: Source
    kind: str
    subject: str = ""
    data: dict[str, Any] = field(default_factory=dict[str, Any])

    def to_json(self) -> str:
        return json.dumps(
            {
                "at_s": round(self.at_s, 3),
                "source": self.source.value,
                "kind": self.kind,
                "subject": self.subject,
                **({"data": self.data} if self.data else {}),
            },
            ensure_ascii=False,
            sort_keys=True,
        )


@dataclass(frozen=True, slots=True)
class TrackPoint:
    at_s: float
    position: Enu
    height_m: float = 0.0


@dataclass(slots=True)
class Record:
    """The log and the paths of everything that moved."""

    events: list[Event] = field(default_factory=list[Event])
    people: dict[str, list[TrackPoint]] = field(default_factory=dict[str, "list[TrackPoint]"])
    drones: dict[str, list[TrackPoint]] = field(default_factory=dict[str, "list[TrackPoint]"])
    buoys: dict[str, list[TrackPoint]] = field(default_factory=dict[str, "list[TrackPoint]"])
    drone_speakers: frozenset[str] = frozenset()
    ended_s: float = 0.0

    def add(self, event: Event) -> None:
        self.events.append(event)

    def of(self, source: Source, *kinds: str, subject: str | None = None) -> Iterator[Event]:
        """Events of one source, in order."""
        for event in self.events:
            if event.source is not source or (kinds and event.kind not in kinds):
                continue
            if subject is None or event.subject == subject:
                yield event

    def first(self, source: Source, *kinds: str, subject: str | None = None) -> Event | None:
        return next(self.of(source, *kinds, subject=subject), None)

    def to_jsonl(self) -> str:
        return "".join(event.to_json() + "\n" for event in self.events)


def first_at_s(events: Iterable[Event], after_s: float = 0.0) -> float | None:
    """When the first of `events` at or after `after_s` happened."""
    return next((event.at_s for event in events if event.at_s >= after_s), None)
