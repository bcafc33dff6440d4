"""The HTTP and WebSocket face of the service (FastAPI), made around a `ServiceFace` and a store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as distribution_version
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from flightctl.api import acting, calibrating, panel, problems, reading
from flightctl.api.face import ServiceFace
from flightctl.api.guards import KeyRing, RequestGuard
from flightctl.api.messages import IncidentArchive
from flightctl.api.problems import MEDIA_TYPE, ProblemDocument
from flightctl.api.stream import StateStream

PREFIX = "/api/v1"


def create_app(
    face: ServiceFace,
    store: IncidentArchive,
    *,
    keys: Mapping[str, str] | None = None,
    panel_dir: Path | None = None,
    evidence_dir: Path | None = None,
    allowed_origins: Iterable[str] = (),
) -> FastAPI:
    """The application; its lifespan runs the stream.

    `keys` maps the name of each outside system to its API key, plain or as `sha256:<hex>`. Run it under uvicorn
    with `ws_per_message_deflate=False`: on a local network compressing costs more than it saves.
    """
    stream = StateStream(face.state_view, face.subscribe)
    origins = frozenset(allowed_origins)
    version = _version()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        async with asyncio.TaskGroup() as tasks:
            feeding = tasks.create_task(stream.run())
            try:
                yield
            finally:
                feeding.cancel()

    app = FastAPI(
        title="Chaoxun",
        version=version,
        summary="Watches the bank, warns at once, sends a drone with a lifebuoy.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # its page loads scripts from the internet
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
    )
    app.add_middleware(RequestGuard, allowed_origins=origins)
    problems.install(app)
    app.include_router(
        reading.router(face, store, stream, evidence_dir=evidence_dir, allowed_origins=origins, version=version),
        prefix=PREFIX,
        responses=_errors(404, 422, 503),
    )
    app.include_router(
        acting.router(face, KeyRing(keys or {}), errors=_errors(401, 403, 404, 409, 413, 415, 422, 503)),
        prefix=PREFIX,
    )
    app.include_router(
        calibrating.router(face, errors=_errors(403, 404, 409, 413, 415, 422)),
        prefix=PREFIX,
    )
    panel.mount(app, panel_dir)
    app.openapi = _schema_with_problems(app)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ProblemDocument} for status in statuses}


def _schema_with_problems(app: FastAPI) -> Any:
    """FastAPI writes every model as application/json; errors here are application/problem+json."""
    plain = app.openapi

    def schema() -> dict[str, Any]:
        fresh = app.openapi_schema is None
        document = plain()
        if fresh:
            for operations in document["paths"].values():
                for operation in operations.values():
                    for status, response in operation["responses"].items():
                        content = response.get("content", {})
                        if int(status) >= 400 and "application/json" in content:
                            content[MEDIA_TYPE] = content.pop("application/json")
        return document

    return schema


def _version() -> str:
    try:
        return distribution_version("chaoxun")
    except PackageNotFoundError:
        return "0"
