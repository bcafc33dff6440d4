"""Flight modes: ArduCopter's numbers, what each needs, and the one rule by which a mode may be entered.

                      any mode ◄────────────────► any mode        while disarmed: always accepted
                                                                  (arming then asks the mode)
armed:
  STABILIZE, ALT_HOLD, LAND      always
  GUIDED, AUTO, LOITER,          only with a position estimate, else refused
  POSHOLD, BRAKE, AVOID_ADSB,
  RTL, SMART_RTL
  AUTO on the ground             only when the first item is a take-off
  SMART_RTL                      only with a path back, also while disarmed (`return_path`)

failsafe ──► RTL ──(no position)──► LAND          whoever asked keeps the mode afterwards
RTL runs through the phases of `ReturnPhase`; SMART_RTL shows itself in them (`smart_return`):

  CLIMB ──► RETURN ──► LOITER ──► DESCEND ──► (landed, disarmed)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, auto


class Mode(IntEnum):
    STABILIZE = 0
    ALT_HOLD = 2
    AUTO = 3
    GUIDED = 4
    LOITER = 5
    RTL = 6
    LAND = 9
    POSHOLD = 16
    BRAKE = 17
    AVOID_ADSB = 19
    SMART_RTL = 21


class ReturnPhase(Enum):
    CLIMB = auto()
    RETURN = auto()
    LOITER = auto()
    DESCEND = auto()


class ModeReason(Enum):
    COMMAND = auto()
    MODE_SWITCH = auto()
    FAILSAFE = auto()
    FENCE = auto()
    AVOIDANCE = auto()


@dataclass(frozen=True, slots=True)
class ModeTraits:
    needs_position: bool
    armable: bool
    autonomous: bool  # MAV_MODE_FLAG_GUIDED in the heartbeat


TRAITS: dict[Mode, ModeTraits] = {
    Mode.STABILIZE: ModeTraits(needs_position=False, armable=True, autonomous=False),
    Mode.ALT_HOLD: ModeTraits(needs_position=False, armable=True, autonomous=False),
    Mode.AUTO: ModeTraits(needs_position=True, armable=False, autonomous=True),
    Mode.GUIDED: ModeTraits(needs_position=True, armable=True, autonomous=True),
    Mode.LOITER: ModeTraits(needs_position=True, armable=True, autonomous=True),
    Mode.RTL: ModeTraits(needs_position=True, armable=False, autonomous=True),
    Mode.LAND: ModeTraits(needs_position=False, armable=False, autonomous=False),
    Mode.POSHOLD: ModeTraits(needs_position=True, armable=True, autonomous=True),
    Mode.BRAKE: ModeTraits(needs_position=True, armable=False, autonomous=True),
    Mode.AVOID_ADSB: ModeTraits(needs_position=True, armable=False, autonomous=True),
    Mode.SMART_RTL: ModeTraits(needs_position=True, armable=False, autonomous=True),
}

RETURN_TRANSITIONS: dict[ReturnPhase, ReturnPhase | None] = {
    ReturnPhase.CLIMB: ReturnPhase.RETURN,
    ReturnPhase.RETURN: ReturnPhase.LOITER,
    ReturnPhase.LOITER: ReturnPhase.DESCEND,
    ReturnPhase.DESCEND: None,
}


def mode_of_number(number: int) -> Mode | None:
    try:
        return Mode(number)
    except ValueError:
        return None


def refusal(
    mode: Mode, *, armed: bool, position_good: bool, landed: bool, take_off_first: bool, way_back: bool = True
) -> str | None:
    """Why `mode` may not be entered now; None when it may."""
    if mode is Mode.SMART_RTL and not way_back:
        return "init failed"
    if not armed:
        return None
    if TRAITS[mode].needs_position and not position_good:
        return "requires position"
    if mode is Mode.AUTO and landed and not take_off_first:
        return "Missing Takeoff Cmd"
    return None
