"""Errors as `application/problem+json` (RFC 9457): what went wrong, what to do, and each fault at its place."""

from __future__ import annotations

import json
from collections.abc import Sequence

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from flightctl.api.face import NotFound, NotNow
from flightctl.store import StoreUnavailable
from flightctl.transport import LinkUnavailable
from geofence.errors import ChaoxunError, InvalidInput, OutOfFrame, Problem
from geofence.sourcefile import place_text, reason_text
from vision.errors import CalibrationRefused

MEDIA_TYPE = "application/problem+json"

_log = structlog.get_logger(__name__)


class ProblemAt(BaseModel):
    """One fault of a request: where it stands and why it is refused."""

    model_config = ConfigDict(frozen=True)

    place: str = Field(examples=["position.lat"])
    reason: str = Field(examples=["latitude 230.4 is outside -90..90"])


class ProblemDocument(BaseModel):
    """Why a request was not carried out. Nothing of it has been applied."""

    model_config = ConfigDict(frozen=True)

    status: int
    title: str
    detail: str  # for a person: what happened and what to do
    problems: tuple[ProblemAt, ...] = ()


class ProblemResponse(Exception):
    """Raised by a route or guard to answer with a problem."""

    def __init__(self, status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.document = ProblemDocument(status=status, title=title, detail=detail)
        self.headers = headers


def problem_response(document: ProblemDocument, headers: dict[str, str] | None = None) -> Response:
    # A refused request may hold lone surrogates, which UTF-8 cannot carry; they are shown as "?".
    text = json.dumps(document.model_dump(), ensure_ascii=False)
    return Response(text.encode("utf-8", "replace"), document.status, headers, media_type=MEDIA_TYPE)


_TITLES = {400: "Malformed request", 404: "Not found", 405: "Method not allowed"}

_FAMILIES: tuple[tuple[type[ChaoxunError], int, str], ...] = (
    (NotFound, 404, "Not found"),
    (NotNow, 409, "Not possible now"),
    (CalibrationRefused, 422, "Calibration refused"),
    (OutOfFrame, 422, "Position outside the site"),
    (StoreUnavailable, 503, "The store cannot be used"),
    (LinkUnavailable, 503, "The other end cannot be reached"),
    (ChaoxunError, 409, "Not possible now"),
)


def problem_of(error: Exception) -> tuple[ProblemDocument, dict[str, str] | None]:
    """The document for whatever a route raised."""
    if isinstance(error, ProblemResponse):
        return error.document, error.headers
    if isinstance(error, RequestValidationError):
        return _invalid(_request_problems(error)), None
    if isinstance(error, InvalidInput):
        return _invalid(error.problems), None
    if isinstance(error, HTTPException):
        title = _TITLES.get(error.status_code, "Request refused")
        headers = dict(error.headers) if error.headers else None
        return ProblemDocument(status=error.status_code, title=title, detail=str(error.detail)), headers
    for family, status, title in _FAMILIES:
        if isinstance(error, family):
            return ProblemDocument(status=status, title=title, detail=str(error)), None
    return ProblemDocument(
        status=500, title="Internal error", detail="The service failed at this; its log says why. Try again."
    ), None


def _invalid(problems: Sequence[Problem]) -> ProblemDocument:
    count = len(problems)
    what = "one fault" if count == 1 else f"{count} faults"
    return ProblemDocument(
        status=422,
        title="Request not valid",
        detail=f"The request has {what}; correct what `problems` names and send it again.",
        problems=tuple(ProblemAt(place=problem.place, reason=problem.reason) for problem in problems),
    )


def _request_problems(error: RequestValidationError) -> list[Problem]:
    found: list[Problem] = []
    for detail in error.errors():
        loc = tuple(detail["loc"])
        if detail["type"] == "json_invalid":
            reason = str((detail.get("ctx") or {}).get("error", "cannot be parsed"))
            found.append(Problem("", f"the body is not JSON at character {loc[-1]}: {reason}"))
            continue
        place = loc[1:] if loc and loc[0] == "body" else loc
        found.append(Problem(place_text(place), reason_text(place, detail)))
    return found


def install(app: FastAPI) -> None:
    """Makes every error of `app` a problem document."""

    async def answer(request: Request, error: Exception) -> Response:
        document, headers = problem_of(error)
        if isinstance(error, HTTPException) and error.status_code == 404:  # no route took it
            document = document.model_copy(update={"detail": f"There is nothing at {request.url.path}."})
        return problem_response(document, headers)

    async def unexpected(request: Request, error: Exception) -> Response:
        _log.error("request failed", method=request.method, path=request.url.path, exc_info=error)
        return problem_response(*problem_of(error))

    for expected in (ProblemResponse, RequestValidationError, HTTPException, ChaoxunError):
        app.add_exception_handler(expected, answer)
    app.add_exception_handler(Exception, unexpected)
