"""What must hold before a hook may open (DESIGN §4). Pure; checked on the way down and again at release.

Nothing here opens a hook: a failing interlock only keeps one shut, and says in numbers why.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flightctl.incidents.model import Consent
from flightctl.site import DropPolicy, Policy

AIM_ERROR_M = 1.0  # hover-matched: the release point is met this closely before the hook opens
CROWD_CLEAR_M = (
    4.0  # nobody else within this of the impact point (a 2.5 kg ring strikes with 126-195 J, RIVER.md §3.4)
)


class Interlock(StrEnum):
    HOOK = "hook"
    CONSENT = "consent"
    OVER_WATER = "over_water"
    HEIGHT = "height"
    AIM = "aim"
    SPEED = "speed"
    WIND = "wind"
    CROWD = "crowd"
    POSITION = "position"


@dataclass(frozen=True, slots=True)
class ReleaseSituation:
    """Everything the interlocks look at, at one instant."""

    hook_loaded: bool
    consent: Consent
    inside_drop_area: bool
    height_above_water_m: float
    aim_error_m: float  # horizontal, from the planned release point
    relative_speed_mps: float  # against the velocity planned at release
    wind_mps: float
    others_within_m: float | None  # nearest other person to the impact point; None: nobody is seen
    position_age_s: float  # since the person was last seen
    position_sigma_m: float  # of the reckoned position now


@dataclass(frozen=True, slots=True)
class Refused:
    interlock: Interlock
    reason: str


def refusals(situation: ReleaseSituation, policy: Policy) -> tuple[Refused, ...]:
    """Every interlock that keeps the hook shut now; empty when it may open."""
    found: list[Refused] = []

    def unless(held: bool, interlock: Interlock, reason: str) -> None:
        if not held:
            found.append(Refused(interlock, reason))

    unless(situation.hook_loaded, Interlock.HOOK, "no loaded hook")
    consented = situation.consent is Consent.GIVEN or (
        policy.drop is DropPolicy.AUTO and situation.consent is Consent.UNASKED
    )
    waiting = "refused by a person" if situation.consent is Consent.REFUSED else "waits for a person's word"
    unless(consented, Interlock.CONSENT, waiting)
    unless(situation.inside_drop_area, Interlock.OVER_WATER, "the impact point is outside the drop area")
    height_m = situation.height_above_water_m
    unless(
        policy.drop_min_height_m <= height_m <= policy.drop_max_height_m,
        Interlock.HEIGHT,
        f"{height_m:.1f} m above the water is outside {policy.drop_min_height_m:g}..{policy.drop_max_height_m:g} m",
    )
    unless(
        situation.aim_error_m <= AIM_ERROR_M,
        Interlock.AIM,
        f"{situation.aim_error_m:.1f} m from the release point, more than {AIM_ERROR_M:g} m",
    )
    unless(
        situation.relative_speed_mps <= policy.drop_max_speed_mps,
        Interlock.SPEED,
        f"{situation.relative_speed_mps:.1f} m/s off the planned velocity, "
        f"more than {policy.drop_max_speed_mps:g} m/s",
    )
    unless(
        situation.wind_mps <= policy.drop_max_wind_mps,
        Interlock.WIND,
        f"wind {situation.wind_mps:.1f} m/s is above {policy.drop_max_wind_mps:g} m/s",
    )
    nearest_m = situation.others_within_m
    unless(
        nearest_m is None or nearest_m >= CROWD_CLEAR_M,
        Interlock.CROWD,
        f"somebody else is within {nearest_m or 0.0:.1f} m of the impact point",
    )
    fresh = situation.position_age_s <= policy.position_fresh_s
    unless(
        fresh or situation.position_sigma_m <= policy.drop_max_sigma_m,
        Interlock.POSITION,
        f"last seen {situation.position_age_s:.0f} s ago and reckoned to ±{situation.position_sigma_m:.1f} m, "
        f"more than {policy.drop_max_sigma_m:g} m",
    )
    return tuple(found)
