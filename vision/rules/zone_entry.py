"""A person's feet are in a danger zone.

    OUTSIDE ──feet inside──► ENTERING ──inertia_s──► INSIDE (told once) ──out for exit_s──► OUTSIDE
               ◄──feet out──┘

Inertia and exit are seconds, so they mean the same at every frame rate. A zone may ask for a longer stay
(`loiter_s`) and for a way to walk (`heading`): who only passes through, or walks back out, is not told of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from geofence.position import Enu
from vision.alert import AlertKind, Surface
from vision.rules.finding import Finding
from vision.scene import FIRST_FORESHORE, SceneModel, SceneZone
from vision.track import Track


@dataclass(frozen=True, slots=True)
class ZoneEntryConfig:
    inertia_s: float = 1.0
    sudden_inertia_s: float = 2.4  # for who was not seen walking there
    min_hits: int = 4
    exit_s: float = 3.0
    sure_sigma_m: float = 4.0  # who comes down stairs is soon placed better; he is waited for
    unsure_s: float = 2.0
    max_walk_mps: float = 4.0  # boats, birds and foam go faster
    max_sigma_m: float = 25.0  # a place less sure than this is no ground for an alert
    heading_m: float = 0.8  # way made good before it can be said where somebody walks


class Presence(Enum):
    ENTERING = "entering"
    INSIDE = "inside"


@dataclass(slots=True)
class _Stay:
    presence: Presence
    since_s: float
    last_inside_s: float
    entered: Enu
    hits: int = 0


class ZoneEntryRule:
    def __init__(self, config: ZoneEntryConfig) -> None:
        self._config = config
        self._stays: dict[tuple[int, str], _Stay] = {}

    def step(self, tracks: Sequence[Track], scene: SceneModel, now_s: float) -> list[Finding]:
        findings: list[Finding] = []
        alive = {track.id for track in tracks}
        self._stays = {key: stay for key, stay in self._stays.items() if key[0] in alive}
        for track in tracks:
            if track.missing_s(now_s) == 0.0 and track.on_foot and track.was_person and not self._no_walker(track):
                surface = scene.surface_of(track.detection.code)
                for zone in scene.zones_at(track.position, surface):
                    finding = self._seen_inside(track, zone, surface, now_s)
                    if finding is not None:
                        findings.append(finding)
            self._forget_the_gone(track, now_s)
        return findings

    def zones_of(self, track: Track) -> tuple[str, ...]:
        """The zones a track counts as being inside of now."""
        return tuple(
            zone_id
            for (track_id, zone_id), stay in self._stays.items()
            if track_id == track.id and stay.presence is Presence.INSIDE
        )

    def _seen_inside(self, track: Track, zone: SceneZone, surface: Surface, now_s: float) -> Finding | None:
        config = self._config
        stay = self._stays.setdefault((track.id, zone.id), _Stay(Presence.ENTERING, now_s, now_s, track.position))
        stay.last_inside_s = now_s
        stay.hits += 1
        if stay.presence is Presence.INSIDE or not track.confirmed or track.sigma_m > config.max_sigma_m:
            return None
        inside_s = now_s - stay.since_s
        inertia_s = config.sudden_inertia_s if track.born_code >= FIRST_FORESHORE else config.inertia_s
        unsure = track.sigma_m > config.sure_sigma_m and inside_s < config.unsure_s
        inertia_s = max(inertia_s, zone.loiter_s)
        if unsure or inside_s < inertia_s or stay.hits < config.min_hits or not self._heads(track, zone, stay):
            return None
        stay.presence = Presence.INSIDE
        confidence = min(0.95, 0.6 + 0.03 * track.hits)
        details = {
            "zone_id": zone.id,
            "surface": surface.value,
            "inside_s": round(inside_s, 2),
            "inertia_s": inertia_s,
            "reason": f"feet in zone {zone.id} for {inside_s:.1f} s (threshold {inertia_s:.1f} s)",
        }
        return Finding(AlertKind.ZONE_ENTRY, track.position, track.sigma_m, track.id, confidence, details)

    def _heads(self, track: Track, zone: SceneZone, stay: _Stay) -> bool:
        """Walks the way that the zone asks for; any way will do where it asks for none."""
        if zone.heading is None:
            return True
        if stay.entered.distance_m(track.position) < max(self._config.heading_m, track.detection.sigma_m):
            return False
        return zone.heading.covers(stay.entered.bearing_deg(track.position))

    def _no_walker(self, track: Track) -> bool:
        if track.detection.afloat:
            return True
        sure = track.velocity_variance < 1.0 and track.bias_m < 1.5
        return sure and track.velocity.length_m > self._config.max_walk_mps

    def _forget_the_gone(self, track: Track, now_s: float) -> None:
        for key in [key for key in self._stays if key[0] == track.id]:
            stay = self._stays[key]
            out_s = now_s - stay.last_inside_s
            leaving = stay.presence is Presence.ENTERING and out_s > 0.5
            seen_outside = track.on_foot and track.missing_s(now_s) == 0.0  # who is out of sight has not come back
            if leaving or (seen_outside and out_s > self._config.exit_s):
                del self._stays[key]
