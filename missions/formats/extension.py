"""Our plan carried whole inside another program's file, and trusted only while the rest still says the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from missions.formats.document import Document, MavCmd, Note, Step
from missions.plan import MissionPlan

KEY = "chaoxun"


def pack(document: Document, kept: Iterable[Step]) -> dict[str, Any] | None:
    """`kept` are the steps as a reader of the format will find them."""
    if document.plan is None:
        return None
    return {"plan": document.plan.model_dump(mode="json"), "steps": digest(kept)}


def places(document: Document) -> tuple[Step, ...]:
    """The steps of a format that knows only places: every one a waypoint."""
    return tuple(
        Step(MavCmd.NAV_WAYPOINT, position=step.position, height_m=step.height_m, frame=step.frame)
        for step in document.steps
        if step.position is not None
    )


def lost_in(document: Document, what: str) -> tuple[Note, ...]:
    """For a format that knows only places."""
    others = [step for step in document.steps if step.position is None or step.command != MavCmd.NAV_WAYPOINT]
    if not others:
        return ()
    names = ", ".join(dict.fromkeys(step.name for step in others))
    return (Note("steps", f"{what} keeps places only: other programs will not see {names}"),)


def unpack(raw: object, document: Document) -> Document:
    """`document` with its plan, when the steps beside it are those the plan was written with."""
    if raw is None:
        return document
    try:
        content: Any = json.loads(raw) if isinstance(raw, str) else raw
        plan = MissionPlan.model_validate(content["plan"])
        written = content["steps"]
    except (ValueError, TypeError, KeyError, ValidationError):
        return _noted(document, "Chaoxun's own part of the file is damaged and was not used")
    if written != digest(document.steps):
        return _noted(document, "another program changed the steps: Chaoxun's own part of the file was not used")
    return replace(document, plan=plan)


def digest(steps: Iterable[Step]) -> str:
    """Of command, place and height: what tells whether somebody moved or replaced a step."""
    text = "\n".join(
        f"{s.command} {'-' if s.position is None else f'{s.position.lat:.6f} {s.position.lon:.6f} {s.height_m:.1f}'}"
        for s in steps
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _noted(document: Document, text: str) -> Document:
    return replace(document, plan=None, notes=(*document.notes, Note(KEY, text)))
