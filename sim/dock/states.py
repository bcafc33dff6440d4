"""The simulated dock's states and which event leads from which to which; nothing else moves it.

    idle ◄─CHARGED─ charging ◄────CLOSED──── cover_closing ◄─────────SECURE──────────┐
     │ ▲               │                       ▲   │  ▲                             │
     │ └WIND_LOW┐      │ RECEIVE             ABORT │  └─REPAIRED─ fault             │
     │     weather_hold┼───────────────┐       │ JAMMED            ▲               │
     │                 │               │       │   └───────────────┤               │
     └────PREPARE──────┴─► preparing ──│───────┤  CHECK_FAILED ────┤               │
                               │       ▼       │                   │               │
                            CHECKED─► cover_opening ───JAMMED──────┘               │
                                       │       │                                   │
                          OPEN_TO_LAUNCH     OPEN_TO_RECEIVE                       │
                                       ▼       ▼                                   │
           airborne ◄─LEFT─ launching ◄─► ready   returning ──APPROACHING──► landing ┘
               │  LIFTING / SETTLED               ▲   │                     ▲   │
               └────────RECEIVE───────────────────┘   └──────DEPARTED───────│───┴─► airborne
               └────────APPROACHING─────────────────────────────────────────┘

A wind above the dock's limit holds an idle or charging dock in `weather_hold`, which still receives. A second
drone may be prepared while the first is out (`airborne`, `landing`): the cover is open already. The emergency
stop is reached from everywhere and left only by a person's RESET.
"""

from __future__ import annotations

from enum import StrEnum

from flightctl.dock.protocol import DockState
from geofence.errors import ChaoxunError


class DockEvent(StrEnum):
    PREPARE = "prepare"
    CHECKED = "checked"  # the self-check has passed
    CHECK_FAILED = "check_failed"
    OPEN_TO_LAUNCH = "open_to_launch"  # the cover is fully open, for a departure
    OPEN_TO_RECEIVE = "open_to_receive"
    JAMMED = "jammed"  # the cover stopped half way
    LIFTING = "lifting"  # the drone has armed on the pad
    SETTLED = "settled"  # it has disarmed again without leaving
    LEFT = "left"  # the drone is off the pad
    ABORT = "abort"
    RECEIVE = "receive"
    APPROACHING = "approaching"  # a drone comes down over the pad
    DEPARTED = "departed"  # it has gone away again
    SECURE = "secure"
    CLOSED = "closed"
    CHARGED = "charged"
    WIND_HIGH = "wind_high"
    WIND_LOW = "wind_low"
    SERVICE = "service"  # a technician has opened it
    STOP = "stop"  # the emergency stop is pressed
    RESET = "reset"
    REPAIRED = "repaired"


class ImpossibleDockEvent(ChaoxunError):
    """The event has no meaning in this state; the dock stays as it is."""


_S = DockState
_E = DockEvent
_AT_REST = {
    _E.PREPARE: _S.PREPARING,
    _E.RECEIVE: _S.COVER_OPENING,
    _E.WIND_HIGH: _S.WEATHER_HOLD,
    _E.SERVICE: _S.MAINTENANCE,
}
TRANSITIONS: dict[DockState, dict[DockEvent, DockState]] = {
    _S.IDLE: {**_AT_REST},
    _S.CHARGING: {**_AT_REST, _E.CHARGED: _S.IDLE},
    _S.WEATHER_HOLD: {_E.WIND_LOW: _S.IDLE, _E.RECEIVE: _S.COVER_OPENING},
    _S.PREPARING: {_E.CHECKED: _S.COVER_OPENING, _E.CHECK_FAILED: _S.FAULT, _E.ABORT: _S.COVER_CLOSING},
    _S.COVER_OPENING: {
        _E.OPEN_TO_LAUNCH: _S.READY,
        _E.OPEN_TO_RECEIVE: _S.RETURNING,
        _E.JAMMED: _S.FAULT,
        _E.ABORT: _S.COVER_CLOSING,
    },
    _S.READY: {_E.LIFTING: _S.LAUNCHING, _E.LEFT: _S.AIRBORNE, _E.ABORT: _S.COVER_CLOSING},
    _S.LAUNCHING: {_E.LEFT: _S.AIRBORNE, _E.SETTLED: _S.READY, _E.ABORT: _S.COVER_CLOSING},
    _S.AIRBORNE: {_E.PREPARE: _S.PREPARING, _E.RECEIVE: _S.RETURNING, _E.APPROACHING: _S.LANDING},
    _S.RETURNING: {_E.APPROACHING: _S.LANDING, _E.SECURE: _S.COVER_CLOSING},
    _S.LANDING: {_E.SECURE: _S.COVER_CLOSING, _E.DEPARTED: _S.AIRBORNE, _E.PREPARE: _S.PREPARING},
    _S.COVER_CLOSING: {_E.CLOSED: _S.CHARGING, _E.JAMMED: _S.FAULT, _E.RECEIVE: _S.COVER_OPENING},
    _S.FAULT: {_E.REPAIRED: _S.COVER_CLOSING},
    _S.MAINTENANCE: {_E.REPAIRED: _S.IDLE},
    _S.ESTOP: {_E.RESET: _S.COVER_CLOSING},
    _S.OFFLINE: {},  # never a dock's own state; the service says it when the link is gone
}
for _state, _row in TRANSITIONS.items():
    if _state not in {_S.ESTOP, _S.OFFLINE}:
        _row[_E.STOP] = _S.ESTOP


def next_state(state: DockState, event: DockEvent) -> DockState:
    """The state after `event`. Raises ImpossibleDockEvent when the table has no such transition."""
    follower = TRANSITIONS[state].get(event)
    if follower is None:
        raise ImpossibleDockEvent(f"{event.value} has no meaning while the dock is {state.value}")
    return follower
