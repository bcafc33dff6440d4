"""What all commands share: how errors and Ctrl-C end them, and the options that recur.

0    done                           2    wrong usage (said by typer)
1    failed, one sentence on stderr    130  stopped by Ctrl-C
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup

from geofence.errors import ChaoxunError

Result = TypeVar("Result")

DEFAULT_DATA = Path("var")

SiteOption = Annotated[Path, typer.Option("--site", help="Folder with site.yaml, zones.geojson and river.yaml.")]
DataOption = Annotated[Path, typer.Option("--data", help="Folder of the store and the evidence.")]
HostOption = Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 for the whole network.")]
PortOption = Annotated[int, typer.Option(min=1, max=65535, help="Port of the panel and the API.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write machine-readable JSON.")]


class ChaoxunGroup(TyperGroup):
    """The root of the commands: an expected failure is its sentence on stderr and status 1, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except BrokenPipeError:
            sys.stderr.close()  # nobody reads any more; let the interpreter not complain at its end
            raise typer.Exit(1) from None
        except ChaoxunError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
        except BaseExceptionGroup as group:
            expected = _expected_only(group)
            if not expected:
                raise
            typer.echo("\n".join(dict.fromkeys(str(error) for error in expected)), err=True)
            raise typer.Exit(1) from None


def _expected_only(group: BaseExceptionGroup[BaseException]) -> list[ChaoxunError]:
    """The errors of a task group when all of them are ours; empty when anything else is among them."""
    found: list[ChaoxunError] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            inner = _expected_only(error)
            if not inner:
                return []
            found += inner
        elif isinstance(error, ChaoxunError):
            found.append(error)
        else:
            return []
    return found


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs `work` on an event loop; SIGTERM stops it as cleanly as Ctrl-C does."""

    async def stoppable() -> Result:
        task = asyncio.current_task()
        if task is not None and sys.platform != "win32":
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        raise typer.Exit(128 + signal.SIGTERM) from None


def shipped_site() -> Path:
    """The simulated Haining that comes with the package."""
    from flightctl.site_loading import HAINING

    return HAINING


def write_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on standard output, plain when it is not a terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*row)
    Console().print(shown)
