"""People as articulated figures: a skeleton of joints in metres, drawn as thick strokes between its pixels."""

from __future__ import annotations

import math

import cv2
import numpy as np

from geofence.position import FloatArray
from sim.camera.lens import TrueLens
from sim.camera.scene import Picture
from sim.camera.standing import fixed
from sim.world.view import Colour, PersonView, Pose

_SKIN: Colour = (120, 150, 190)
_HAIR: Colour = (38, 36, 40)
_SHIFT = 4
_FOAM: Colour = (214, 220, 222)


def joints(person: PersonView) -> FloatArray:
    """(11, 3) right, forward, up in metres from the feet:
    head, neck, hip, left knee, left foot, right knee, right foot, left elbow, left hand, right elbow, right hand."""
    h = person.height_m
    swing = math.sin(person.phase) if person.pose is Pose.WALKING else 0.0
    flail = person.pose is Pose.FALLING
    points = np.zeros((11, 3))
    points[0] = (0, 0.02, 0.93 * h)
    points[1] = (0, 0, 0.82 * h)
    points[2] = (0, 0, 0.50 * h)
    for first, side, sign in ((3, -1, 1.0), (5, 1, -1.0)):
        s = swing * sign
        lift = max(0.0, math.cos(person.phase) * sign) * 0.05 if swing or person.pose is Pose.WALKING else 0.0
        points[first] = (0.07 * side, 0.16 * s + 0.03, 0.27 * h)
        points[first + 1] = (0.08 * side, 0.32 * s, 0.03 + lift)
    for first, side, sign in ((7, -1, -1.0), (9, 1, 1.0)):
        s = swing * sign
        if flail:
            points[first] = (0.34 * side, 0.08, 0.86 * h)
            points[first + 1] = (0.55 * side, 0.15, (0.98 + 0.06 * math.sin(5 * person.phase + sign)) * h)
        else:
            points[first] = (0.20 * side, 0.10 * s, 0.63 * h)
            points[first + 1] = (0.20 * side, 0.24 * s, 0.46 * h)
    if flail or person.pose is Pose.LYING:
        turn = person.phase if flail else math.pi / 2
        middle = np.array([0.0, 0.0, 0.5 * h])
        y, z = points[:, 1] - middle[1], points[:, 2] - middle[2]
        points[:, 1] = middle[1] + y * math.cos(turn) + z * math.sin(turn)
        points[:, 2] = middle[2] - y * math.sin(turn) + z * math.cos(turn)
        if not flail:
            points[:, 2] += 0.18 - middle[2]
    return points


def skeleton(person: PersonView) -> FloatArray:
    """The joints in the world: (11, 3) east, north, amsl."""
    local = joints(person)
    heading = math.radians(person.heading_deg)
    s, c = math.sin(heading), math.cos(heading)
    east = person.position.east_m + local[:, 0] * c + local[:, 1] * s
    north = person.position.north_m - local[:, 0] * s + local[:, 1] * c
    return np.column_stack([east, north, person.feet_amsl_m + local[:, 2]])


def draw_ashore(picture: Picture, pixels: FloatArray, px_per_m: float, person: PersonView) -> None:
    """A figure whose joints fall on `pixels`."""
    at = [fixed(p) for p in pixels]
    small = px_per_m * person.height_m < 16
    limb = max(1, round(0.13 * px_per_m))
    if small:
        middle = fixed((pixels[4] + pixels[6]) / 2)
        _stroke(picture, at[2], middle, person.legs, max(1, round(0.2 * px_per_m)))
    else:
        for knee, foot in ((3, 4), (5, 6)):
            _stroke(picture, at[2], at[knee], person.legs, limb + 1)
            _stroke(picture, at[knee], at[foot], person.legs, limb)
    _stroke(picture, at[1], at[2], person.top, max(2, round(0.38 * px_per_m)))
    if not small:
        for elbow, hand in ((7, 8), (9, 10)):
            _stroke(picture, at[1], at[elbow], person.top, limb)
            _stroke(picture, at[elbow], at[hand], _SKIN, max(1, limb - 1))
    radius = max(12, int(0.125 * px_per_m * 16))
    cv2.circle(picture, at[0], radius, _SKIN, -1, cv2.LINE_AA, _SHIFT)
    crown = (at[0][0], at[0][1] - radius // 3)
    cv2.circle(picture, crown, int(radius * 0.85), _HAIR, -1, cv2.LINE_AA, _SHIFT)


def draw_afloat(picture: Picture, lens: TrueLens, person: PersonView) -> None:
    """Head and shoulders that bob, arms that beat, and the rings they make."""
    bob = 0.06 * math.sin(person.phase)
    e, n, z = person.position.east_m, person.position.north_m, person.feet_amsl_m
    heading = math.radians(person.heading_deg)
    side = np.array([math.cos(heading), -math.sin(heading)])
    holding = person.pose is Pose.HOLDING
    beat = 0.0 if holding else max(0.0, math.sin(2 * person.phase))
    other = 0.0 if holding else max(0.0, math.sin(2 * person.phase + 2.2))
    points = np.array(
        [
            [e, n, z + 0.30 + bob],  # head
            [e - 0.24 * side[0], n - 0.24 * side[1], z + 0.04 + bob],  # shoulders
            [e + 0.24 * side[0], n + 0.24 * side[1], z + 0.04 + bob],
            [e - 0.55 * side[0], n - 0.55 * side[1], z + 0.02 + 0.55 * beat],  # hands
            [e + 0.55 * side[0], n + 0.55 * side[1], z + 0.02 + 0.55 * other],
        ]
    )
    pixels, depth = lens.project(points)
    if depth.min() < 1.0:
        return
    px_per_m = lens.focal_px / float(depth[0])
    ripple = (person.phase / (2 * math.pi)) % 1.0
    draw_ring(picture, lens, (e, n, z), 0.5 + 0.9 * ripple, 0.12 * (1.2 - ripple), _FOAM)
    at = [fixed(p) for p in pixels]
    _stroke(picture, at[1], at[2], person.top, max(2, round(0.24 * px_per_m)))
    limb = max(1, round(0.11 * px_per_m))
    _stroke(picture, at[1], at[3], _SKIN, limb)
    _stroke(picture, at[2], at[4], _SKIN, limb)
    radius = max(16, int(0.14 * px_per_m * 16))
    cv2.circle(picture, at[0], radius, _SKIN, -1, cv2.LINE_AA, _SHIFT)
    cv2.circle(picture, (at[0][0], at[0][1] - radius // 3), int(radius * 0.85), _HAIR, -1, cv2.LINE_AA, _SHIFT)


_CIRCLE = np.column_stack([np.cos(np.linspace(0, 2 * math.pi, 15)), np.sin(np.linspace(0, 2 * math.pi, 15))])


def draw_ring(
    picture: Picture,
    lens: TrueLens,
    centre: tuple[float, float, float],
    radius_m: float,
    width_m: float,
    colour: Colour,
) -> None:
    """A flat circle on the water."""
    ring = np.empty((len(_CIRCLE), 3))
    ring[:, :2] = _CIRCLE * radius_m + centre[:2]
    ring[:, 2] = centre[2]
    pixels, depth = lens.project(ring)
    if depth.min() < 1.0:
        return
    width = max(1, round(width_m * lens.focal_px / float(depth.mean())))
    line = np.rint(np.clip(pixels, -4000, 4000) * 16).astype(np.int32)
    cv2.polylines(picture, [line], isClosed=True, color=colour, thickness=width, lineType=cv2.LINE_AA, shift=_SHIFT)


def _stroke(picture: Picture, start: tuple[int, int], end: tuple[int, int], colour: Colour, width: int) -> None:
    cv2.line(picture, start, end, colour, width, cv2.LINE_AA, _SHIFT)
