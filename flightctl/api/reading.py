"""The routes that only look: site, state, incidents, pictures, health, the stream."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Query, Request, WebSocket
from fastapi.responses import FileResponse, Response

from flightctl.api.face import NotFound, NotNow, ServiceFace
from flightctl.api.guards import same_origin
from flightctl.api.messages import EvidenceList, Health, IncidentArchive, IncidentPage
from flightctl.api.problems import ProblemResponse
from flightctl.api.stream import StateStream
from flightctl.api.views import SiteView, StateView
from flightctl.evidence import check_incident
from flightctl.incidents.model import Incident
from flightctl.preflight_report import PreflightReport
from flightctl.store import StoreUnavailable
from vision.evidence_file import blurred_name, is_blurred

_NO_STORE = {"Cache-Control": "no-store"}
_log = structlog.get_logger(__name__)
_EVIDENCE_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".webm": "video/webm", ".mp4": "video/mp4"}


def router(
    face: ServiceFace,
    store: IncidentArchive,
    stream: StateStream,
    *,
    evidence_dir: Path | None,
    allowed_origins: frozenset[str],
    version: str,
) -> APIRouter:
    routes = APIRouter()

    @routes.get("/site", tags=["look"])
    async def site() -> SiteView:
        """What does not change while the service runs."""
        return face.site_view()

    @routes.get("/state", tags=["look"])
    async def state() -> StateView:
        """Everything that moves, now; the WebSocket `/api/v1/stream` sends the same, five times a second."""
        return face.state_view()

    @routes.get("/incidents", tags=["look"])
    async def incidents(limit: Annotated[int, Query(ge=1, le=200)] = 50, before: UUID | None = None) -> IncidentPage:
        """A page of all incidents ever, the newest first."""
        found = await store.incidents(limit, before)
        return IncidentPage(incidents=tuple(found), before=found[-1].id if len(found) == limit else None)

    @routes.get("/incidents/{incident_id}", tags=["look"])
    async def incident(incident_id: UUID) -> Incident:
        live = next((one for one in face.state_view().incidents if one.id == incident_id), None)
        found = live or await store.incident(incident_id)
        if found is None:
            raise NotFound(f"There is no incident {incident_id}.")
        return found

    @routes.get("/drones/{drone_id}/preflight", tags=["look"])
    async def preflight(drone_id: str, response: Response) -> PreflightReport:
        """Whether the drone may fly, looked at now: the vehicle is asked, which takes up to some seconds."""
        response.headers.update(_NO_STORE)
        return await face.preflight(drone_id)

    @routes.get("/cameras/{camera_id}/frame.jpg", tags=["look"], response_class=Response, responses=_picture())
    async def camera_frame(
        camera_id: str, seq: Annotated[int | None, Query(description="makes the address new; not read")] = None
    ) -> Response:
        """The newest picture with boxes. 404: no such camera; 503: no picture yet."""
        del seq
        jpeg = face.camera_frame(camera_id)
        if jpeg is None:
            raise ProblemResponse(
                503,
                "No picture yet",
                f"Camera {camera_id} has given no picture yet; try again in a second.",
                {"Retry-After": "1", **_NO_STORE},
            )
        return Response(jpeg, media_type="image/jpeg", headers=_NO_STORE)

    @routes.get("/evidence/{path:path}", tags=["look"], response_class=FileResponse, responses=_picture())
    async def evidence(
        request: Request,
        path: str,
        *,
        original: Annotated[bool, Query(description="faces and bodies as they are: for duty use here")] = False,
        download: Annotated[bool, Query(description="as a file to be saved; always blurred")] = False,
    ) -> FileResponse:
        """A snapshot or clip kept for an alert, by the path the alert names: people in it are blurred.

        `original` shows it as it was recorded, is never stored by the browser, and is logged.
        """
        if original and download:
            raise NotNow("Only the blurred copy is given out as a file; leave out `original`.")
        wanted = path if original or is_blurred(path) else blurred_name(path)
        found = find_evidence(evidence_dir, wanted)
        if found is None:
            raise NotFound(f"There is no evidence {path!r}; it may have been deleted after its retention time.")
        kept = "private, max-age=86400"
        if original and not is_blurred(path):
            kept = "no-store"
            _log.info("original evidence shown", path=path, to=request.client.host if request.client else "")
        return FileResponse(
            found,
            media_type=_EVIDENCE_TYPES[found.suffix],
            headers={"X-Content-Type-Options": "nosniff", "Cache-Control": kept},
            filename=found.name if download else None,
        )

    @routes.get("/incidents/{incident_id}/evidence", tags=["look"])
    async def incident_evidence(incident_id: UUID, response: Response) -> EvidenceList:
        """Every file kept for the incident, hashed again now: `altered` is not what was written."""
        response.headers.update(_NO_STORE)
        found = await incident(incident_id)
        if evidence_dir is None:
            return EvidenceList(files=())
        return EvidenceList(files=await asyncio.to_thread(check_incident, found, evidence_dir))

    @routes.get("/health", tags=["look"])
    async def health(response: Response) -> Health:
        """Answers 503 when the store cannot be read."""
        reason = "ok"
        try:
            await store.check()
        except StoreUnavailable as error:
            reason = str(error)
            response.status_code = 503
        response.headers.update(_NO_STORE)
        return Health(
            status="ok" if reason == "ok" else "degraded",
            version=version,
            store=reason,
            stream_clients=stream.client_count,
        )

    @routes.websocket("/stream")
    async def stream_state(socket: WebSocket) -> None:
        if not same_origin(socket.headers, allowed_origins):
            await socket.close(1008, "foreign origin")
            return
        await stream.serve(socket)

    # FastAPI registers them by decorator; naming them here tells the type checker that they are used.
    _ = (site, state, incidents, incident, preflight, camera_frame, evidence, incident_evidence, health, stream_state)
    return routes


def find_evidence(folder: Path | None, path: str) -> Path | None:
    """The file that `path` names inside `folder`; None for anything outside, absent, or of another kind."""
    if folder is None:
        return None
    try:
        root = folder.resolve()
        found = (root / path).resolve()  # also through links
        inside = found.is_relative_to(root) and found.is_file()
    except (OSError, ValueError):  # a name too long for the file system, or with a zero byte
        return None
    under_way = found.name.startswith(".")
    return found if inside and not under_way and found.suffix in _EVIDENCE_TYPES else None


def _picture() -> dict[int | str, dict[str, object]]:
    return {200: {"description": "The picture", "content": {"image/jpeg": {}}}}
