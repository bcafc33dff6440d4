"""What clients send and what they are answered, besides the views and the contract models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flightctl.api.face import AlertOutcome
from flightctl.dispatch.decision import Decision
from flightctl.evidence import EvidenceFile
from flightctl.incidents.model import Incident
from flightctl.preflight_report import Override
from flightctl.speaker.protocol import MAX_TEXT

Note = Annotated[str, Field(max_length=500)]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class IncidentArchive(Protocol):
    """The part of the store that the API reads."""

    async def incident(self, incident_id: UUID) -> Incident | None: ...

    async def incidents(self, limit: int = 50, before: UUID | None = None) -> Sequence[Incident]: ...

    async def check(self) -> None: ...


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HoldRequest(_Request):
    """Stop (or allow again) every automatic launch."""

    hold: Annotated[bool, Field(strict=True)]


class ConsentRequest(_Request):
    """A person's word on the drop."""

    given: Annotated[bool, Field(strict=True)]


class RejectRequest(_Request):
    """It was nothing."""

    reason: Note = ""


class CloseRequest(_Request):
    note: Note = ""


class LaunchRequest(_Request):
    """`{}` is the bare order."""

    overrides: Annotated[tuple[Override, ...], Field(max_length=32)] = ()
    """Checks that need not hold for this one flight: each with the drone, who says so, and why."""


class RecallRequest(_Request):
    reason: Note = ""


class HailRequest(_Request):
    """Say something on bank speakers, or on a drone's."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    language: Literal["zh", "en"] = "zh"
    speaker_ids: Annotated[tuple[Name, ...], Field(max_length=64)] = ()
    drone_id: Name | None = None
    incident_id: UUID | None = None

    @model_validator(mode="after")
    def _someone_speaks(self) -> Self:
        if not self.text.strip():
            raise ValueError("text is blank; say something")
        if not self.speaker_ids and self.drone_id is None:
            raise ValueError("name at least one loudspeaker in speaker_ids, or a drone_id")
        return self


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class HoldState(_Answer):
    hold: bool


class Recalled(_Answer):
    """The order was taken; the stream shows the drone coming home."""

    drone_id: str


class HailAnswer(_Answer):
    taken_by: tuple[str, ...]  # the loudspeakers (and drone) that speak


class IncidentPage(_Answer):
    """The newest first."""

    incidents: tuple[Incident, ...]
    before: UUID | None  # pass it as `before` for the next page; None at the end


class EvidenceList(_Answer):
    files: tuple[EvidenceFile, ...]


class AlertAnswer(_Answer):
    """What an external alert came to."""

    incident: Incident
    decision: Decision | None  # the whole decision; None when the policy asks for no drone
    launched: bool
    repeated: bool  # the key was seen before; nothing was changed
    test: bool

    @classmethod
    def of(cls, outcome: AlertOutcome, *, test: bool) -> AlertAnswer:
        return cls(
            incident=outcome.incident,
            decision=outcome.decision,
            launched=outcome.launched,
            repeated=outcome.repeated,
            test=test,
        )


class Health(_Answer):
    status: Literal["ok", "degraded"]
    version: str
    store: str  # "ok", or why not
    stream_clients: int
