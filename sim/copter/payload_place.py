"""NAV_PAYLOAD_PLACE: sets the load down on the ground, lets it go and climbs back.

    to the place ──► descent ──landed──► release ──let go, PLDP_DELAY over──► ascent ──► done
                        └──deeper than allowed: nothing is released──────────►┘

ArduPilot's trap for water: where no ground is met within the greatest descent, it comes back with its load.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto

from sim.copter import navigation
from sim.copter.physics import Thrust, Vertical
from sim.copter.places import Spot
from sim.copter.vehicle import Severity, Vehicle

_TOUCHED_S = 0.5
_LEVEL_M = 0.3
_HOOK = 1


class Phase(Enum):
    APPROACH = auto()
    DESCENT = auto()
    RELEASE = auto()
    ASCENT = auto()


@dataclass(slots=True)
class Placing:
    over: Spot
    greatest_descent_m: float  # 0: any
    phase: Phase = Phase.APPROACH
    since_s: float = 0.0


def fly(vehicle: Vehicle, placing: Placing, speed_mps: float) -> bool:
    """One step; True when it is back at its height."""
    demand, parameters, over = vehicle.demand, vehicle.parameters, placing.over
    match placing.phase:
        case Phase.APPROACH:
            navigation.go_to(vehicle, over, speed_mps)
            away = math.hypot(over.east_m - vehicle.east_m, over.north_m - vehicle.north_m)
            if away <= parameters["WPNAV_RADIUS"] / 100.0:
                _enter(vehicle, placing, Phase.DESCENT)
        case Phase.DESCENT:
            navigation.go_to(vehicle, over, speed_mps, look=False)
            demand.vertical = Vertical.RATE
            demand.up = -min(parameters["PLDP_SPEED_DN"] or parameters["LAND_SPEED"] / 100.0, demand.sink_mps)
            if vehicle.landed:
                vehicle.say(Severity.INFO, "PayloadPlace: landed")
                vehicle.say(Severity.INFO, "PayloadPlace: Releasing the gripper")
                vehicle.gripper.command(_HOOK, release=True, now_s=vehicle.now_s)
                _enter(vehicle, placing, Phase.RELEASE)
            elif 0.0 < placing.greatest_descent_m < over.amsl_m - vehicle.amsl_m:
                vehicle.say(Severity.WARNING, "PayloadPlace: Reached maximum descent")
                _enter(vehicle, placing, Phase.ASCENT)
        case Phase.RELEASE:
            demand.thrust = Thrust.IDLE
            waited_s = vehicle.now_s - placing.since_s
            if not vehicle.gripper.busy and waited_s >= _TOUCHED_S + parameters["PLDP_DELAY"]:
                _enter(vehicle, placing, Phase.ASCENT)
        case Phase.ASCENT:
            navigation.go_to(vehicle, over, speed_mps, look=False)
            return vehicle.amsl_m >= over.amsl_m - _LEVEL_M
    return False


def _enter(vehicle: Vehicle, placing: Placing, phase: Phase) -> None:
    placing.phase, placing.since_s = phase, vehicle.now_s
