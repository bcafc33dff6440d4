"""The loudspeaker link's messages: one JSON object a line, both ways, as on the dock link."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

MAX_TEXT = 300  # characters; longer speech is not understood on a windy seawall


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Say(_Message):
    type: Literal["say"] = "say"
    cmd_id: UUID
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    language: Literal["zh", "en"] = "zh"
    repeat: Annotated[int, Field(ge=1, le=20)] = 2
    issued_at: AwareDatetime
    expires_at: AwareDatetime
    incident_id: UUID | None = None


class Stop(_Message):
    type: Literal["stop"] = "stop"
    cmd_id: UUID


class SpeakerAck(_Message):
    type: Literal["ack"] = "ack"
    cmd_id: UUID


class SpeakerDone(_Message):
    type: Literal["done"] = "done"
    cmd_id: UUID


class SpeakerFailed(_Message):
    type: Literal["failed"] = "failed"
    cmd_id: UUID
    reason: str


class SpeakerStatus(_Message):
    type: Literal["status"] = "status"
    at: AwareDatetime
    playing: UUID | None = None
    fault: str = ""


SpeakerCommand = Annotated[Say | Stop, Field(discriminator="type")]
speaker_command: TypeAdapter[SpeakerCommand] = TypeAdapter(SpeakerCommand)
SpeakerReply = Annotated[SpeakerAck | SpeakerDone | SpeakerFailed | SpeakerStatus, Field(discriminator="type")]
speaker_reply: TypeAdapter[SpeakerReply] = TypeAdapter(SpeakerReply)
