"""`chaoxun serve`: the service, its store, its vision workers and its panel, on real sockets until stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
import structlog
import uvicorn

from flightctl.api.app import create_app
from flightctl.clock import NO_SHIFT, Clock
from flightctl.mavlink.signing import KeyRing, read_key
from flightctl.mavlink.tlog import TlogWriter
from flightctl.scene import scene_geometry, tell_levels
from flightctl.service import Service
from flightctl.site_loading import Site, load_site
from flightctl.store import DATABASE_NAME, Store
from flightctl.transport import LinkUnavailable, SocketTransports
from geofence.bore import TableEntry
from geofence.errors import ChaoxunError
from vision.aerial.live import LivePictures
from vision.clip import ClipLimits
from vision.worker import VisionWorkers

log = structlog.get_logger(__name__)

PANEL_DIR = Path(__file__).resolve().parent / "panel" / "dist"
SIGNING_STATE_NAME = "mavlink-signing.txt"
KEYS_VARIABLE = "CHAOXUN_ALERT_KEYS"
_PICTURE_EVERY_S = 0.4  # for the panel; analysis runs at each camera's own rate


class KeysInvalid(ChaoxunError):
    """The environment's alert keys cannot be read."""


def alert_keys(text: str) -> dict[str, str]:
    """`source=key,source=key` to a mapping. Raises KeysInvalid."""
    keys: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        source, separator, key = part.partition("=")
        if not separator or not source.strip() or len(key.strip()) < 16:
            raise KeysInvalid(
                f"{KEYS_VARIABLE}: {source.strip() or part!r} must be source=key, the key 16 characters or more"
            )
        keys[source.strip()] = key.strip()
    return keys


async def serve(
    site_dir: Path,
    host: str,
    port: int,
    data_dir: Path,
    *,
    forecast_table: tuple[TableEntry, ...] = (),
    keys: Mapping[str, str] | None = None,
    clock_shift: timedelta = NO_SHIFT,
    on_ready: Callable[[Service, str], None] | None = None,
) -> None:
    """Serves until cancelled or until the web server is told to stop. `clock_shift` is for stories of another day.

    Raises SiteInvalid, SigningKeyInvalid, SigningStateLost, StoreUnavailable, LinkUnavailable (an address is taken).
    """
    site = load_site(site_dir)
    store = await Store.open(data_dir / DATABASE_NAME)
    try:
        clock = Clock.of_wall(clock_shift)
        workers = _workers(site, clock, data_dir / "evidence")
        tlog = _tlog(site, clock, data_dir)
        service = Service(
            site,
            clock=clock,
            transports=SocketTransports(),
            store=store,
            rng=np.random.default_rng(),
            vision=workers,
            eyes=LivePictures(clock.now),
            forecast_table=forecast_table,
            ring=_key_ring(site, clock, data_dir / SIGNING_STATE_NAME),
            tap=None if tlog is None else tlog.tap,
            evidence_dir=data_dir / "evidence",
        )
        app = create_app(
            service,
            store,
            keys=alert_keys(os.environ.get(KEYS_VARIABLE, "")) if keys is None else keys,
            panel_dir=PANEL_DIR,
            evidence_dir=data_dir / "evidence",
        )
        server = _Server(uvicorn.Config(app, host=host, port=port, log_level="warning", ws_per_message_deflate=False))
        async with _recording(tlog):
            await _run(service, server, workers, f"http://{host}:{port}", on_ready)
    finally:
        await store.close()


def _tlog(site: Site, clock: Clock, data_dir: Path) -> TlogWriter | None:
    if not site.file.mavlink.record_tlog:
        return None
    return TlogWriter(data_dir / f"mavlink-{clock.now():%Y%m%dT%H%M%SZ}.tlog", clock)


@contextlib.asynccontextmanager
async def _recording(tlog: TlogWriter | None) -> AsyncGenerator[None]:
    task = None if tlog is None else asyncio.create_task(tlog.run())
    try:
        yield
    finally:
        if task is not None:
            task.cancel()  # it writes the rest
            await asyncio.wait({task})


def _key_ring(site: Site, clock: Clock, state: Path) -> KeyRing | None:
    policy = site.file.mavlink
    if not policy.signing_key_files:
        return None
    keys = {number: read_key(site.folder / name) for number, name in policy.signing_key_files.items()}
    return KeyRing(keys, clock, link_id=policy.signing_link_id, state=state)


async def _run(
    service: Service,
    server: _Server,
    workers: VisionWorkers,
    address: str,
    on_ready: Callable[[Service, str], None] | None,
) -> None:
    running = asyncio.create_task(service.run())
    site = service.site
    telling = asyncio.create_task(tell_levels(site, site.file.cameras, service.surroundings.water_amsl_m, workers))
    serving = asyncio.create_task(server.serve())
    ready = asyncio.create_task(service.ready.wait())
    try:
        await asyncio.wait({running, serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            log.info("serving", address=address, site=service.site.file.id)
            if on_ready is not None:
                on_ready(service, address)
        await asyncio.wait({running, serving, telling}, return_when=asyncio.FIRST_COMPLETED)
        for task in (running, serving, telling):
            if task.done():
                task.result()
    except SystemExit as error:  # uvicorn's way of saying that the port is taken
        raise LinkUnavailable(f"cannot serve at {address}: the port is taken; choose another with --port") from error
    finally:
        server.should_exit = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3.0):
                await asyncio.wait({serving})
        for task in (running, telling, ready, serving):
            task.cancel()
        await asyncio.wait({running, telling, ready, serving})


def _workers(site: Site, clock: Clock, evidence_dir: Path) -> VisionWorkers:
    level = site.river.level.low_amsl_m
    return VisionWorkers(
        site.file.cameras,
        scene_geometry(site, water_amsl_m=level),
        site.file.origin,
        evidence_dir=evidence_dir,
        clips=ClipLimits(before_s=site.file.evidence.before_s, after_s=site.file.evidence.after_s),
        preview_every_s=_PICTURE_EVERY_S,
        now=clock.now,
    )


class _Server(uvicorn.Server):
    """Leaves signals to the command line."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[override]
        yield
