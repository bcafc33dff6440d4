"""What else moves: lifebuoys, boats, gulls, aircraft, splashes, flags, rain."""

from __future__ import annotations

import math

import cv2
import numpy as np

from geofence.position import Enu, FloatArray
from sim.camera.figures import draw_ring
from sim.camera.lens import TrueLens
from sim.camera.scene import Picture
from sim.camera.standing import fixed, points_at
from sim.world.ground import Ground
from sim.world.view import BoatView, BuoyKind, BuoyView, Colour, DroneView, GullView, SplashView

_ORANGE: Colour = (30, 95, 245)
_WHITE: Colour = (232, 234, 234)
_SHIFT = 4


def draw_buoy(picture: Picture, lens: TrueLens, buoy: BuoyView) -> None:
    where = (buoy.position.east_m, buoy.position.north_m, buoy.height_amsl_m + 0.08)
    if buoy.kind is BuoyKind.RING:
        draw_ring(picture, lens, where, 0.30, 0.15, _ORANGE)
        return
    ends = np.array([[where[0] - 0.4, where[1], where[2]], [where[0] + 0.4, where[1], where[2]]])
    _line(picture, lens, ends, _ORANGE, 0.25)


def draw_boat(picture: Picture, lens: TrueLens, boat: BoatView) -> None:
    """A river barge from the side: dark hull, pale wheelhouse aft."""
    half, deck = boat.length_m / 2, 1.3
    hull = [(-half, 0.0), (half * 0.9, 0.0), (half, deck + 0.5), (half * 0.8, deck), (-half, deck)]
    house = [(-half * 0.9, deck), (-half * 0.5, deck), (-half * 0.5, deck + 2.4), (-half * 0.9, deck + 2.4)]
    heading = math.radians(boat.heading_deg)
    for outline, colour in ((hull, (58, 62, 74)), (house, (196, 198, 196))):
        points = np.array(
            [
                [boat.position.east_m + s * math.sin(heading), boat.position.north_m + s * math.cos(heading), boat.water_amsl_m + z]
                for s, z in outline
            ]
        )  # fmt: skip
        _polygon(picture, lens, points, colour)


def draw_gull(picture: Picture, lens: TrueLens, gull: GullView) -> None:
    heading = math.radians(gull.heading_deg)
    ahead = np.array([math.sin(heading), math.cos(heading), 0.0])
    side = np.array([math.cos(heading), -math.sin(heading), 0.0])
    body = np.array([gull.position.east_m, gull.position.north_m, gull.height_amsl_m])
    up = np.array([0.0, 0.0, 1.0])
    points = np.array(
        [
            body - 0.62 * side + 0.35 * gull.wing * up,
            body - 0.28 * side + 0.16 * up,
            body,
            body + 0.28 * side + 0.16 * up,
            body + 0.62 * side + 0.35 * gull.wing * up,
            body - 0.20 * ahead,
            body + 0.25 * ahead,
        ]
    )
    pixels, depth = lens.project(points)
    if depth.min() < 2.0:
        return
    width = max(1, round(0.10 * lens.focal_px / float(depth[2])))
    line = np.array([fixed(p) for p in pixels], np.int32)
    cv2.polylines(
        picture,
        [line[:5]],
        isClosed=False,
        color=(206, 206, 204),
        thickness=width,
        lineType=cv2.LINE_AA,
        shift=_SHIFT,
    )
    cv2.polylines(
        picture, [line[5:]], isClosed=False, color=_WHITE, thickness=width + 1, lineType=cv2.LINE_AA, shift=_SHIFT
    )


def draw_drone(picture: Picture, lens: TrueLens, drone: DroneView) -> None:
    body = np.array([drone.position.east_m, drone.position.north_m, drone.height_amsl_m])
    turn = math.radians(drone.heading_deg)
    arms: list[FloatArray] = []
    for quarter in range(4):
        angle = turn + math.radians(45 + 90 * quarter)
        arms.append(body + 0.75 * np.array([math.sin(angle), math.cos(angle), 0.0]) + np.array([0.0, 0.0, 0.1]))
    for arm in arms:
        _line(picture, lens, np.array([body, arm]), (52, 50, 48), 0.10)
        draw_ring(picture, lens, (float(arm[0]), float(arm[1]), float(arm[2])), 0.34, 0.03, (110, 108, 106))
    _line(picture, lens, np.array([body - [0, 0, 0.12], body + [0, 0, 0.12]]), (44, 42, 40), 0.42)


def draw_splash(picture: Picture, lens: TrueLens, splash: SplashView) -> None:
    where = (splash.position.east_m, splash.position.north_m, splash.height_amsl_m)
    fade = max(0.0, 1.0 - splash.age_s / 2.5)
    spread = splash.size * (0.5 + 1.3 * splash.age_s)
    colour: Colour = (int(150 + 70 * fade), int(165 + 65 * fade), int(175 + 60 * fade))
    draw_ring(picture, lens, where, spread, 0.35 * splash.size * fade + 0.05, colour)
    draw_ring(picture, lens, where, 0.55 * spread, 0.30 * splash.size * fade + 0.05, colour)
    if splash.age_s > 0.9:
        return
    high = splash.size * 6.0 * splash.age_s * (0.9 - splash.age_s)
    for k in range(9):
        turn = 2.4 * k
        far = spread * (0.25 + 0.06 * k)
        foot = np.array([where[0] + far * math.cos(turn), where[1] + far * math.sin(turn), where[2]])
        _line(picture, lens, np.array([foot, foot + [0, 0, high * (0.5 + 0.06 * k)]]), _WHITE, 0.16 * splash.size)


FLAGS_ALONG_M = tuple(float(a) for a in range(-660, 700, 60))
_FLAG_COLOURS: tuple[Colour, ...] = ((40, 40, 200), (50, 170, 225), (170, 110, 40))


def draw_flags(picture: Picture, lens: TrueLens, ground: Ground, near_along_m: float, wind: Enu, at_s: float) -> None:
    """Cloth on poles at the back of the promenade, streaming with the wind."""
    speed = max(wind.length_m, 0.3)
    lift = min(1.0, speed / 5.0)
    for index, along in enumerate(FLAGS_ALONG_M):
        if abs(along - near_along_m) > 160:
            continue
        foot = points_at(ground, [(along, -11.3, ground.crest_amsl_m)])[0]
        top = foot + [0, 0, 6.0]
        _line(picture, lens, np.array([foot, top]), (186, 188, 188), 0.07)
        edge_high: list[FloatArray] = []
        edge_low: list[FloatArray] = []
        for k in range(4):
            out = 0.45 * k
            ripple = 0.12 * k / 3 * math.sin(7.0 * at_s - 2.0 * k + index)
            droop = (1.0 - lift) * out + ripple
            flow = np.array([wind.east_m / speed, wind.north_m / speed, 0.0]) * out * (0.3 + 0.7 * lift)
            edge_high.append(top + flow - [0, 0, droop])
            edge_low.append(top + flow - [0, 0, droop + 0.9])
        _polygon(picture, lens, np.array(edge_high + edge_low[::-1]), _FLAG_COLOURS[index % 3])


def draw_rain(picture: Picture, streaks: Picture, at_s: float) -> None:
    """Adds falling streaks: a window of a larger picture of them."""
    height, width = picture.shape[:2]
    v = int(-at_s * 900) % height
    u = int(at_s * 7919) % width
    cv2.add(picture, streaks[v : v + height, u : u + width], dst=picture)


def rain_streaks(height: int, width: int) -> Picture:
    rng = np.random.default_rng(3)
    tile = np.zeros((height, width, 3), np.uint8)
    for _ in range(320):
        x, y, length = int(rng.integers(width)), int(rng.integers(height)), int(rng.integers(6, 22))
        shade = int(rng.integers(12, 34))
        cv2.line(tile, (x, y), (x + length // 5, min(y + length, height - 1)), (shade, shade, shade), 1, cv2.LINE_AA)
    return np.tile(tile, (2, 2, 1))


def _line(picture: Picture, lens: TrueLens, ends: FloatArray, colour: Colour, width_m: float) -> None:
    pixels, depth = lens.project(ends)
    if depth.min() < 1.0:
        return
    width = max(1, round(width_m * lens.focal_px / float(depth.mean())))
    cv2.line(picture, fixed(pixels[0]), fixed(pixels[1]), colour, width, cv2.LINE_AA, _SHIFT)


def _polygon(picture: Picture, lens: TrueLens, points: FloatArray, colour: Colour) -> None:
    pixels, depth = lens.project(points)
    if depth.min() < 1.0:
        return
    ring = np.array([fixed(p) for p in pixels], np.int32)
    cv2.fillPoly(picture, [ring], colour, cv2.LINE_AA, _SHIFT)
