"""What else moves: lifebuoys, boats, gulls, aircraft, splashes, flags, rain."""

from __future__ import annotations

import math

import cv2
import numpy as np

from geofence.position import Enu
from sim.camera.figures import add_circle
from sim.camera.sketch import Picture, Point, Sketch
from sim.world.ground import BankPlace, Ground
from sim.world.view import BoatView, BuoyKind, BuoyView, Colour, DroneView, GullView, SplashView

_ORANGE: Colour = (30, 95, 245)
_WHITE: Colour = (222, 224, 224)


def add_buoy(sketch: Sketch, buoy: BuoyView) -> None:
    e, n, z = buoy.position.east_m, buoy.position.north_m, buoy.height_amsl_m + 0.08
    if buoy.kind is BuoyKind.RING:
        add_circle(sketch, (e, n, z), 0.30, 0.16, _ORANGE)
    else:
        sketch.line((e - 0.4, n, z), (e + 0.4, n, z), _ORANGE, 0.25)


def add_boat(sketch: Sketch, boat: BoatView) -> None:
    """A river barge from the side: dark hull, pale wheelhouse aft."""
    half, deck = boat.length_m / 2, 1.3
    hull = [(half * 0.9, 0.0), (-half, 0.0), (-half, deck), (half * 0.8, deck), (half, deck + 0.5)]
    house = [(-half * 0.9, deck), (-half * 0.5, deck), (-half * 0.5, deck + 2.4), (-half * 0.9, deck + 2.4)]
    heading = math.radians(boat.heading_deg)
    se, sn = math.sin(heading), math.cos(heading)
    e, n, level = boat.position.east_m, boat.position.north_m, boat.water_amsl_m
    for outline, colour in ((hull, (66, 70, 80)), (house, (184, 186, 184))):
        sketch.polygon([(e + s * se, n + s * sn, level + z) for s, z in outline], colour)


def add_gull(sketch: Sketch, gull: GullView) -> None:
    heading = math.radians(gull.heading_deg)
    ae, an = math.sin(heading), math.cos(heading)
    e, n, z = gull.position.east_m, gull.position.north_m, gull.height_amsl_m
    wings = ((-0.62, 0.35 * gull.wing), (-0.28, 0.14), (0.0, 0.0), (0.28, 0.14), (0.62, 0.35 * gull.wing))
    sketch.path([(e + s * an, n - s * ae, z + up) for s, up in wings], (190, 190, 188), 0.07)
    sketch.line((e - 0.2 * ae, n - 0.2 * an, z), (e + 0.22 * ae, n + 0.22 * an, z), _WHITE, 0.13)


def add_drone(sketch: Sketch, drone: DroneView) -> None:
    e, n, z = drone.position.east_m, drone.position.north_m, drone.height_amsl_m
    turn = math.radians(drone.heading_deg)
    for quarter in range(4):
        angle = turn + math.radians(45 + 90 * quarter)
        arm = (e + 0.75 * math.sin(angle), n + 0.75 * math.cos(angle), z + 0.1)
        sketch.line((e, n, z), arm, (52, 50, 48), 0.10)
        add_circle(sketch, arm, 0.34, 0.03, (110, 108, 106))
    sketch.line((e, n, z - 0.12), (e, n, z + 0.12), (44, 42, 40), 0.42)


def add_splash(sketch: Sketch, splash: SplashView) -> None:
    e, n, z = splash.position.east_m, splash.position.north_m, splash.height_amsl_m
    fade = max(0.0, 1.0 - splash.age_s / 2.5)
    spread = splash.size * (0.4 + 1.1 * splash.age_s)
    colour: Colour = (int(135 + 80 * fade), int(158 + 65 * fade), int(170 + 58 * fade))
    add_circle(sketch, (e, n, z), spread, 0.30 * splash.size * fade + 0.04, colour)
    if fade > 0.4:
        add_circle(sketch, (e, n, z), 0.55 * spread, 0.26 * splash.size * fade, colour)
    if splash.age_s > 0.9:
        return
    high = splash.size * 7.0 * splash.age_s * (0.9 - splash.age_s)
    for k in range(9):
        far = spread * (0.25 + 0.06 * k)
        foot = (e + far * math.cos(2.4 * k), n + far * math.sin(2.4 * k), z)
        tip = (foot[0], foot[1], z + high * (0.5 + 0.06 * k))
        sketch.line(foot, tip, _WHITE, 0.15 * splash.size)


_FLAG_COLOURS: tuple[Colour, ...] = ((58, 58, 172), (70, 158, 196), (150, 106, 60))
_FLAG_EVERY_M = 60
_FLAG_SEEN_M = 170.0
_POLE_M = 6.0


class Flags:
    """Cloth on poles at the back of the promenade, streaming with the wind."""

    def __init__(self, ground: Ground, near: BankPlace) -> None:
        self._feet: list[tuple[int, Point]] = []
        for index, along in enumerate(range(-660, 700, _FLAG_EVERY_M)):
            if abs(along - near.along_m) < _FLAG_SEEN_M:
                at = ground.to_enu(BankPlace(along, -11.3))
                self._feet.append((index, (at.east_m, at.north_m, ground.crest_amsl_m)))

    def add(self, sketch: Sketch, wind: Enu, at_s: float) -> None:
        speed = max(wind.length_m, 0.3)
        lift = min(1.0, speed / 5.0)
        we, wn = wind.east_m / speed * (0.3 + 0.7 * lift), wind.north_m / speed * (0.3 + 0.7 * lift)
        for index, (e, n, z) in self._feet:
            sketch.line((e, n, z), (e, n, z + _POLE_M), (176, 178, 178), 0.07)
            high: list[Point] = []
            for k in range(4):
                out = 0.45 * k
                droop = (1.0 - lift) * out + 0.04 * k * math.sin(7.0 * at_s - 2.0 * k + index)
                high.append((e + we * out, n + wn * out, z + _POLE_M - droop))
            low = [(pe, pn, pz - 0.9) for pe, pn, pz in reversed(high)]
            sketch.polygon(high + low, _FLAG_COLOURS[index % 3])


def rain_streaks(height: int, width: int) -> Picture:
    """A picture of streaks twice as high and wide as the frame, to be shown through a moving window."""
    rng = np.random.default_rng(3)
    tile = np.zeros((height, width, 3), np.uint8)
    for _ in range(320):
        x, y, length = int(rng.integers(width)), int(rng.integers(height)), int(rng.integers(6, 22))
        shade = int(rng.integers(12, 34))
        cv2.line(tile, (x, y), (x + length // 5, min(y + length, height - 1)), (shade, shade, shade), 1, cv2.LINE_AA)
    return np.tile(tile, (2, 2, 1))


def add_rain(picture: Picture, streaks: Picture, at_s: float) -> None:
    height, width = picture.shape[:2]
    v, u = int(-at_s * 900) % height, int(at_s * 7919) % width
    cv2.add(picture, streaks[v : v + height, u : u + width], dst=picture)
