"""A browser on the built panel, served by the real API around a scripted service."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Literal

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from flightctl.api.app import create_app
from tests.panel.fake_face import PANEL, EmptyArchive, FakeFace

PATIENCE_MS = 30_000  # a loaded machine without a GPU draws slowly
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"]


class Served:
    """The scripted service on a loopback port of its own; it can go away and come back there."""

    def __init__(self, evidence_dir: Path) -> None:
        self.evidence_dir = evidence_dir
        self.face = FakeFace(seconds=27.0)
        self._listener = _listener(0)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._listener.fileno() < 0:
            self._listener = _listener(self.port)
        app = create_app(self.face, EmptyArchive(), panel_dir=PANEL, evidence_dir=self.evidence_dir)
        config = uvicorn.Config(
            app,
            log_level="error",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})
        self._thread.start()

    def stop(self) -> None:
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()
        self._server = self._thread = None


def _listener(port: int) -> socket.socket:
    """Listening before the server runs, so that nobody has to wait for it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(64)
    return listener


@pytest.fixture
def served(tmp_path: Path) -> Generator[Served]:
    service = Served(tmp_path)
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="session")
def browser() -> Generator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    if not (PANEL / "index.html").is_file():
        pytest.skip("the panel is not built (make panel)")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, served: Served) -> Generator[Open]:
    """Opens the panel and waits until it is live. The flat map spares the machine where that is not the point."""
    contexts: list[Page] = []
    faults: list[str] = []

    def opened(
        *,
        language: Literal["zh-CN", "en-GB"] = "zh-CN",
        size: tuple[int, int] = (1440, 900),
        drawing: Literal["flat", "gl"] = "flat",
        before: Callable[[Page], None] | None = None,
    ) -> Page:
        context = browser.new_context(
            locale=language, viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce"
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        contexts.append(page)
        if before is not None:
            before(page)
        page.goto(f"{served.url}/{'?map=flat' if drawing == 'flat' else ''}")
        expect(page.locator("[data-connection=live]").first).to_be_visible()
        expect(page.locator(f"[data-drawing={drawing}] canvas").first).to_be_attached()
        return page

    yield opened
    for page in contexts:
        page.context.close()
    assert faults == []
