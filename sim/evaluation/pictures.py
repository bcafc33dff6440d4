"""The frame of a failure with both sides drawn: tracks as the panel shows them, the truth in green and blue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import Enu
from sim.camera import TrueLens
from sim.world.view import PersonView, Pose
from vision.alert import AlertKind, TrackView
from vision.preview import annotate

_DANGER, _SAFE, _PLACE, _INK, _PAPER = (60, 200, 60), (200, 150, 60), (0, 220, 255), (20, 20, 20), (245, 245, 245)
_ENLARGED = 2
_QUALITY = 85


@dataclass(frozen=True, slots=True)
class Moment:
    """A failure: what, when, why or who, where."""

    what: str  # "missed" or "false"
    kind: AlertKind
    at_s: float
    text: str
    place: Enu | None

    @property
    def line(self) -> str:
        return f"{self.what} {self.kind.value} {self.at_s:.1f} s: {self.text}"

    def file_name(self, case_id: str) -> str:
        return f"{self.what}-{self.kind.value}-{case_id}-{self.at_s:05.1f}s.jpg"


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame and what both sides knew of it."""

    at_s: float
    jpeg: bytes
    tracks: tuple[TrackView, ...]
    people: tuple[PersonView, ...]
    in_danger: tuple[str, ...]


def draw_failure(lens: TrueLens, shown: Shown, title: str, moment: Moment) -> bytes:
    """A JPEG, twice as large as the camera's picture."""
    picture = cast("NDArray[np.uint8]", cv2.imdecode(np.frombuffer(shown.jpeg, np.uint8), cv2.IMREAD_COLOR))
    annotate(picture, shown.tracks)
    picture = cast(
        "NDArray[np.uint8]",
        cv2.resize(picture, None, fx=_ENLARGED, fy=_ENLARGED, interpolation=cv2.INTER_CUBIC),
    )
    for person in shown.people:
        afloat = person.pose in (Pose.SWIMMING, Pose.HOLDING)
        low, high = person.feet_amsl_m, person.feet_amsl_m + (0.5 if afloat else person.height_m)
        ends = np.array([(person.position.east_m, person.position.north_m, z) for z in (low, high)])
        pixels, depth = lens.project(ends)
        if (depth > 2.0).all():
            colour = _DANGER if person.id in shown.in_danger else _SAFE
            (u, v), (_, top) = (pixels * _ENLARGED).tolist()
            half = 6 + 0.3 * abs(v - top)
            corner, other = (round(u - half), round(top - 4)), (round(u + half), round(v + 4))
            cv2.rectangle(picture, corner, other, colour, 1, cv2.LINE_AA)
    if moment.place is not None and shown.people:
        near = min(shown.people, key=lambda p: p.position.distance_m(moment.place or p.position))
        _cross(picture, lens, moment.place, near.feet_amsl_m)
    for row, text in enumerate((f"{title}  {shown.at_s:.1f} s", moment.line)):
        at = (8, 20 + 20 * row)
        cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 4, cv2.LINE_AA)
        cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, _PAPER, 1, cv2.LINE_AA)
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise RuntimeError(f"{title}: the picture could not be encoded")
    return data.tobytes()


def _cross(picture: NDArray[np.uint8], lens: TrueLens, place: Enu, amsl_m: float) -> None:
    pixels, depth = lens.project(np.array([[place.east_m, place.north_m, amsl_m]]))
    if depth[0] > 2.0:
        u, v = (round(x * _ENLARGED) for x in pixels[0].tolist())
        cv2.drawMarker(picture, (u, v), _PLACE, cv2.MARKER_TILTED_CROSS, 12, 1, cv2.LINE_AA)
