"""The fall of a lifebuoy and the point to let it go from.

The impact is aimed up-current of the person by a stand-off: buoy and person share the current, and nothing
of 2.5 kg may come down on a head. The drone is asked to move with the person, so that latency and fall time
cost their errors only once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from geofence.position import Enu

_GRAVITY_MPS2 = 9.81
_AIR_KGPM3 = 1.2
_STEP_S = 0.01
_STILL_MPS = 0.2


@dataclass(frozen=True, slots=True)
class FallingBody:
    """Mass, and drag coefficient times area; the spread is what tumbling makes of the latter (one sigma, share)."""

    name: str
    mass_kg: float
    drag_area_m2: float
    drag_spread: float = 0.3


# Drag areas fitted to RIVER.md §3.4, whose own spread is 30 %; the tests hold them to that table.
RING_FLAT = FallingBody("ring, flat", 2.5, 0.318)
RING_EDGE = FallingBody("ring, edge on", 2.5, 0.14)
RING = FallingBody("ring", 2.5, 0.21, 0.4)  # between the two, with a spread that covers both
POD = FallingBody("pod, packed", 0.2, 0.0076)
LIGHT_RING = FallingBody("light ring, inflated", 0.7, 0.268)


def pod(mass_kg: float) -> FallingBody:
    """A packed pod of another mass, of the same density: drag area grows with its surface."""
    return FallingBody(f"pod {mass_kg:g} kg", mass_kg, POD.drag_area_m2 * (mass_kg / POD.mass_kg) ** (2 / 3))


@dataclass(frozen=True, slots=True)
class Fall:
    time_s: float
    displacement: Enu  # over ground, release to impact
    impact_mps: float  # vertical


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """One drop. Positions are over ground; the drone flies at `velocity` from the command to the release."""

    command_point: Enu  # where the drone is when the release is commanded
    release_point: Enu  # where it is when the hook opens, a latency later
    velocity: Enu
    impact_point: Enu
    person_at_impact: Enu
    fall: Fall
    sigma_m: float  # of the impact relative to the person, per axis
    budget: tuple[tuple[str, float], ...]  # what sigma_m is made of


def fall(body: FallingBody, height_m: float, wind_enu_mps: Enu, velocity_enu_mps: Enu) -> Fall:
    """Released level at `velocity` in a steady wind, quadratic drag; stops at the surface `height_m` below."""
    if not height_m > 0:
        raise ValueError(f"nothing falls from {height_m} m")
    drag = _AIR_KGPM3 * body.drag_area_m2 / (2.0 * body.mass_kg)
    wind_e, wind_n = wind_enu_mps.east_m, wind_enu_mps.north_m

    def acceleration(ve: float, vn: float, vd: float) -> tuple[float, float, float]:
        re, rn = ve - wind_e, vn - wind_n
        k = drag * math.sqrt(re * re + rn * rn + vd * vd)
        return -k * re, -k * rn, _GRAVITY_MPS2 - k * vd

    east = north = down = time_s = vd = 0.0
    ve, vn = velocity_enu_mps.east_m, velocity_enu_mps.north_m
    while True:
        ae, an, ad = acceleration(ve, vn, vd)  # midpoint rule
        half = _STEP_S / 2
        me, mn, md = ve + ae * half, vn + an * half, vd + ad * half
        if down + md * _STEP_S >= height_m:
            rest_s = (height_m - down) / md
            return Fall(time_s + rest_s, Enu(east + me * rest_s, north + mn * rest_s), vd + ad * rest_s)
        be, bn, bd = acceleration(me, mn, md)
        east, north, down = east + me * _STEP_S, north + mn * _STEP_S, down + md * _STEP_S
        ve, vn, vd = ve + be * _STEP_S, vn + bn * _STEP_S, vd + bd * _STEP_S
        time_s += _STEP_S


def predict_impact(
    position: Enu, velocity: Enu, *, height_m: float, wind: Enu, body: FallingBody, latency_s: float
) -> tuple[Enu, float]:
    """Where and in how many seconds the buoy lands when the release is commanded now."""
    falling = fall(body, height_m, wind, velocity)
    return position + velocity.scaled(latency_s) + falling.displacement, latency_s + falling.time_s


def plan_release(
    person: Enu,
    person_velocity: Enu,
    *,
    wind: Enu,
    height_m: float,
    body: FallingBody,
    latency_s: float = 0.4,
    standoff_m: float = 2.5,
    drone_velocity: Enu | None = None,
    person_sigma_m: float = 1.0,
    drone_sigma_m: float = 1.0,
    wind_sigma_mps: float = 1.0,
    latency_sigma_s: float = 0.15,
) -> ReleasePlan:
    """Where to let go so that the buoy lands up-current of the person by the stand-off.

    `person` is where the person is when the release is commanded. The drone flies at `drone_velocity`; left
    out, it moves with the person. In still water up-current has no meaning and the buoy lands upwind; with
    no wind either, to the north.
    """
    velocity = person_velocity if drone_velocity is None else drone_velocity
    falling = fall(body, height_m, wind, velocity)
    person_at_impact = person + person_velocity.scaled(latency_s + falling.time_s)
    impact = person_at_impact + _up_current(person_velocity, wind).scaled(standoff_m)
    release = impact - falling.displacement
    command = release - velocity.scaled(latency_s)

    relative_mps = (velocity - person_velocity).length_m
    gust = Enu(wind.east_m + wind_sigma_mps, wind.north_m)
    by_wind_m = fall(body, height_m, gust, velocity).displacement.distance_m(falling.displacement)
    draggy = FallingBody(body.name, body.mass_kg, body.drag_area_m2 * (1 + body.drag_spread))
    tumbling = fall(draggy, height_m, wind, velocity)
    by_tumbling_m = (tumbling.displacement - person_velocity.scaled(tumbling.time_s)).distance_m(
        falling.displacement - person_velocity.scaled(falling.time_s)
    )
    budget = (
        ("person", person_sigma_m),
        ("drone", drone_sigma_m),
        ("wind", by_wind_m),
        ("tumbling", by_tumbling_m),
        ("latency", relative_mps * latency_sigma_s),
    )
    sigma_m = math.sqrt(sum(part**2 for _, part in budget))
    return ReleasePlan(command, release, velocity, impact, person_at_impact, falling, sigma_m, budget)


def _up_current(current: Enu, wind: Enu) -> Enu:
    for flow in (current, wind):
        if flow.length_m >= _STILL_MPS:
            return flow.scaled(-1.0 / flow.length_m)
    return Enu(0.0, 1.0)
