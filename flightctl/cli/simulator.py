"""`chaoxun sim` and `chaoxun sim compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flightctl.cli.running import JsonOption, run
from geofence.errors import ChaoxunError

app = typer.Typer()


@app.callback(invoke_without_command=True)
def simulate(
    ctx: typer.Context,
    site: Annotated[
        Path | None, typer.Option("--site", help="Folder with site.yaml, zones.geojson and river.yaml: all of it.")
    ] = None,
    scenario: Annotated[Path | None, typer.Option(help="Scenario file whose people and faults happen.")] = None,
    home: Annotated[
        str | None, typer.Option(help="LAT,LON,ALT,HEADING: one copter alone, on the ports a SITL has.")
    ] = None,
    instance: Annotated[int, typer.Option("--instance", "-I", min=0, max=255, help="Port 5760 + 10 N.")] = 0,
    system_id: Annotated[int, typer.Option("--sysid", min=1, max=250, help="Its MAVLink system id.")] = 1,
    speedup: Annotated[float, typer.Option(help="How many times faster than the wall clock; copter alone.")] = 1.0,
    defaults: Annotated[Path | None, typer.Option(help="Parameter file (.parm) of the copter alone.")] = None,
    udp: Annotated[
        str | None, typer.Option(help="HOST:PORT a copter alone also sends to, as 127.0.0.1:14550.")
    ] = None,
) -> None:
    """Only simulated hardware, for this or other ground stations: a whole site's, or one copter as SITL serves it."""
    if ctx.invoked_subcommand is not None:
        return
    if (site is None) == (home is None):
        raise ChaoxunError("Say what to simulate: --site DIR, or --home LAT,LON,ALT,HEADING for one copter.")
    if site is not None:
        from sim.serve import serve

        run(serve(site, scenario, on_ready=lambda: typer.echo(f"Simulating {site}; Ctrl-C stops it.", err=True)))
        return
    from sim import sitl

    assert home is not None
    unknown: list[str] = []
    parameters = {} if defaults is None else sitl.read_defaults(defaults, unknown.append)
    if unknown:
        typer.echo(f"{defaults}: {len(unknown)} parameters this copter lacks: {', '.join(unknown[:8])}", err=True)
    copter = sitl.Instance(sitl.parse_home(home), instance, system_id, parameters=parameters, udp=udp)

    def listens(ports: tuple[int, ...]) -> None:
        where = ", ".join(f"tcp:127.0.0.1:{port}" for port in ports)
        typer.echo(f"Copter {system_id} at {home}: {where}; Ctrl-C stops it.", err=True)

    sitl.run(copter, speedup, listens)


@app.command(epilog="Example: chaoxun sim compare --binary ~/ardupilot/build/sitl/bin/arducopter")
def compare(
    binary: Annotated[Path, typer.Option(metavar="PATH", help="An ArduCopter SITL executable.")],
    speedup: Annotated[float, typer.Option(help="How many times faster than the wall clock it flies.")] = 8.0,
    as_json: JsonOption = False,
) -> None:
    """Fly one script on our copter and on a SITL; the exit status is 0 only when they answer alike."""
    from sim.ardupilot.held_against import compare_command

    raise typer.Exit(compare_command(binary, speedup=speedup, json=as_json))
