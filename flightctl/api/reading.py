"""The routes that only look: site, state, incidents, pictures, health, the stream."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, WebSocket
from fastapi.responses import FileResponse, Response

from flightctl.api.face import NotFound, ServiceFace
from flightctl.api.guards import same_origin
from flightctl.api.messages import Health, IncidentArchive, IncidentPage
from flightctl.api.problems import ProblemResponse
from flightctl.api.stream import StateStream
from flightctl.api.views import SiteView, StateView
from flightctl.incidents.model import Incident
from flightctl.preflight_report import PreflightReport
from flightctl.store import StoreUnavailable

_NO_STORE = {"Cache-Control": "no-store"}
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
    async def evidence(path: str) -> FileResponse:
        """A snapshot or clip kept for an alert."""
        found = find_evidence(evidence_dir, path)
        if found is None:
            raise NotFound(f"There is no evidence {path!r}; it may have been deleted after its retention time.")
        return FileResponse(
            found,
            media_type=_EVIDENCE_TYPES[found.suffix],
            headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=86400"},
        )

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
    _ = (site, state, incidents, incident, preflight, camera_frame, evidence, health, stream_state)
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
    return found if inside and found.suffix in _EVIDENCE_TYPES else None


def _picture() -> dict[int | str, dict[str, object]]:
    return {200: {"description": "The picture", "content": {"image/jpeg": {}}}}
