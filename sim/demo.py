"""`chaoxun demo`: the simulated Haining as a child process, the service with its panel, and a story that unfolds.

The two speak over real UDP, TCP and MJPEG only, as a service and its hardware would. Each run has a data folder of
its own, so that yesterday's incidents are not taken up again.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from rich.console import Console

from flightctl.incidents.model import Incident
from flightctl.serve import serve
from flightctl.service import Service
from flightctl.site_loading import HAINING, load_site
from flightctl.transport import LinkUnavailable
from sim.scenario.load import load_scenario
from sim.scenario.runner import forecast_table
from sim.serve import READY

STORY = HAINING / "demo.yaml"
_CHILD_READY_S = 90.0
_CHILD_STOPS_S = 5.0
_BEIJING = timedelta(hours=8)


def run(*, host: str = "127.0.0.1", port: int = 8000, data_dir: Path = Path("var/demo")) -> None:
    """Until Ctrl-C. Raises LinkUnavailable when an address is taken."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(host, port, data_dir))


async def _run(host: str, port: int, data_dir: Path) -> None:
    console = Console()
    site = load_site(HAINING)
    console.print("[dim]Starting the simulated dike, docks, drones and cameras ...[/]", highlight=False)
    story = load_scenario(STORY).scenario
    now = datetime.now(UTC)
    shift = story.starts_at - now  # the bore keeps to the Moon, so the story keeps to its day
    async with _hardware(shift):
        table = forecast_table(story, site)
        folder = data_dir / now.strftime("%Y%m%d-%H%M%S")
        folder.mkdir(parents=True, exist_ok=True)

        def on_ready(service: Service, address: str) -> None:
            console.print(f"[bold]Chaoxun[/] serves at [bold]{address}[/]  (Ctrl-C stops it)", highlight=False)
            narrator = Narrator(service, console)
            service.subscribe(narrator.tell)

        await serve(HAINING, host, port, folder, forecast_table=table, clock_shift=shift, on_ready=on_ready)


@contextlib.asynccontextmanager
async def _hardware(shift: timedelta) -> AsyncGenerator[None]:
    """The child process, from its word that it is ready until the block ends; it dies with us."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sim.serve",
        str(HAINING),
        str(STORY),
        f"--shift-s={shift.total_seconds()}",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is ours alone; the child ends when its input does
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    try:
        try:
            async with asyncio.timeout(_CHILD_READY_S):
                line = await child.stdout.readline()
        except TimeoutError as error:
            raise LinkUnavailable(f"the simulated hardware was not ready after {_CHILD_READY_S:.0f} s") from error
        if line.decode().strip() != READY:
            said = (await child.stderr.read()).decode(errors="replace").strip().splitlines()
            raise LinkUnavailable(f"the simulated hardware did not start: {said[-1] if said else 'no reason said'}")
        errors = asyncio.create_task(_forward(child.stderr))
        try:
            yield
        finally:
            errors.cancel()
    finally:
        child.stdin.close()  # the child stops when its input ends, also when this process is killed
        with contextlib.suppress(ProcessLookupError):
            try:
                async with asyncio.timeout(_CHILD_STOPS_S):
                    await child.wait()
            except TimeoutError:
                child.kill()
                await child.wait()


async def _forward(stream: asyncio.StreamReader) -> None:
    while line := await stream.readline():
        sys.stderr.write("hardware: " + line.decode(errors="replace"))


class Narrator:
    """Tells the terminal what happens: one line an entry of a timeline, and the outcome at the end."""

    def __init__(self, service: Service, console: Console) -> None:
        self._service = service
        self._console = console
        self._told: dict[UUID, int] = {}
        self._ended: set[UUID] = set()

    def tell(self) -> None:
        for incident in self._service.book.all():
            for entry in incident.timeline[self._told.get(incident.id, 0) :]:
                at = (entry.at + _BEIJING).strftime("%H:%M:%S")
                words = entry.step.replace("_", " ")
                text = f" [dim]{entry.text}[/]" if entry.text else ""
                self._console.print(
                    f"[dim]{at}[/] {incident.priority.name} {entry.actor:<18} {words}{text}", highlight=False
                )
            self._told[incident.id] = len(incident.timeline)
            if incident.outcome is not None and incident.id not in self._ended:
                self._ended.add(incident.id)
                self._tell_outcome(incident)

    def _tell_outcome(self, incident: Incident) -> None:
        outcome = incident.outcome
        assert outcome is not None
        steps = ", ".join(f"{name.replace('_', ' ')} {at_s:.0f} s" for name, at_s in outcome.steps_s.items())
        self._console.print(f"[bold]{outcome.summary}[/]" + (f" [dim]({steps})[/]" if steps else ""), highlight=False)
