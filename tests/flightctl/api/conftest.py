"""An API around a fake service, asked in-process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from flightctl.api import create_app
from flightctl.store import Store
from tests.flightctl import samples
from tests.flightctl.api.fake_face import FakeFace

KEY = "a-key-of-the-camera-platform"


class ApiWorld:
    """The pieces of one test: the fake service, folders, and clients on the running app."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.incident = samples.incident()
        self.face = FakeFace(self.incident)
        self.panel_dir = folder / "panel"
        self.evidence_dir = folder / "evidence"
        self.evidence_dir.mkdir()

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[httpx.AsyncClient]:
        async with await Store.open(self.folder / "chaoxun.db") as store:
            await store.save_incident(self.incident)
            app = create_app(
                self.face,
                store,
                keys={"platform": KEY},
                panel_dir=self.panel_dir,
                evidence_dir=self.evidence_dir,
            )
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url="http://chaoxun.test") as client,
            ):
                yield client


@pytest.fixture
def world(tmp_path: Path) -> ApiWorld:
    return ApiWorld(tmp_path)


Ask = Callable[[httpx.AsyncClient], Coroutine[Any, Any, None]]
