"""The dock link's messages: one JSON object a line, both ways, over TCP (or an in-memory stream).

    service ──► Command(cmd_id, ...) ──► dock
    service ◄── Ack ◄── Progress* ◄── Done | Failed(code)        for that cmd_id
    service ◄── DockStatus, once a second and at every change    unasked

A command that has expired, or whose `cmd_id` was seen before, does nothing; a repeated one is answered with
what the first one came to. Loss of the link changes nothing in the dock by itself.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter


class DockState(StrEnum):
    OFFLINE = "offline"  # said by the service when the link is gone, never by a dock
    IDLE = "idle"
    PREPARING = "preparing"
    COVER_OPENING = "cover_opening"
    READY = "ready"
    LAUNCHING = "launching"
    AIRBORNE = "airborne"
    RETURNING = "returning"
    LANDING = "landing"
    COVER_CLOSING = "cover_closing"
    CHARGING = "charging"
    FAULT = "fault"
    MAINTENANCE = "maintenance"
    WEATHER_HOLD = "weather_hold"
    ESTOP = "estop"


class DockAction(StrEnum):
    PREPARE = "prepare"  # self-check, warm the drone, open the cover; done when READY
    ABORT = "abort"  # close the cover again, if the drone is inside
    LAUNCHED = "launched"  # the drone has left: AIRBORNE; the cover stays open
    RECEIVE = "receive"  # the drone comes home: cover open, landing aid on; done when it may land
    SECURE = "secure"  # the drone has landed: close the cover, charge; done when CHARGING or IDLE


class FailCode(StrEnum):
    COVER_JAMMED = "cover_jammed"
    SELF_CHECK = "self_check_failed"
    WEATHER = "weather"
    ESTOP = "estop"
    BUSY = "busy"
    WRONG_STATE = "wrong_state"
    NO_DRONE = "drone_not_in_dock"
    EXPIRED = "expired"
    UNSUPPORTED = "unsupported"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DockCommand(_Message):
    type: Literal["command"] = "command"
    cmd_id: UUID
    action: DockAction
    drone_id: str
    issued_at: AwareDatetime
    expires_at: AwareDatetime
    incident_id: UUID | None = None


class Ack(_Message):
    type: Literal["ack"] = "ack"
    cmd_id: UUID


class Progress(_Message):
    type: Literal["progress"] = "progress"
    cmd_id: UUID
    step: str  # "self_check", "cover_opening", ...
    percent: Annotated[float, Field(ge=0, le=100)]


class Done(_Message):
    type: Literal["done"] = "done"
    cmd_id: UUID


class Failed(_Message):
    type: Literal["failed"] = "failed"
    cmd_id: UUID
    code: FailCode
    reason: str


class DockStatus(_Message):
    type: Literal["status"] = "status"
    seq: int
    at: AwareDatetime
    state: DockState
    reason: str = ""  # why it cannot launch, when it cannot
    cover_percent: Annotated[float, Field(ge=0, le=100)]  # 0 closed, 100 open
    drones_inside: tuple[str, ...]
    wind_mps: float
    wind_from_deg: float = 0.0  # clockwise from true north
    rain: Literal["none", "light", "moderate", "heavy"] = "none"
    temperature_c: float


DockReply = Annotated[Ack | Progress | Done | Failed | DockStatus, Field(discriminator="type")]
dock_reply: TypeAdapter[DockReply] = TypeAdapter(DockReply)
