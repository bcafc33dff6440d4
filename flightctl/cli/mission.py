"""`chaoxun mission ...`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flightctl.cli.running import JsonOption, shipped_site, table, write_json
from geofence.errors import ChaoxunError

if TYPE_CHECKING:
    from flightctl.site import Dock, Drone
    from flightctl.site_loading import Site
    from geofence.position import Enu
    from missions.formats import Note
    from missions.patrol import Patroller
    from missions.plan import MissionPlan
    from missions.validate import PlanProblem

app = typer.Typer(help="Plan, check and convert missions.", no_args_is_help=True)

SiteOption = Annotated[Path | None, typer.Option("--site", help="Site folder; the shipped Haining when left out.")]
DroneOption = Annotated[str | None, typer.Option("--drone", help="Which drone flies it; the site's first if none.")]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A mission file of any known format.")]


class Kind(StrEnum):
    PATROL = "patrol"
    COVERAGE = "coverage"


@app.command(epilog="Example: chaoxun mission convert bank.plan bank.waypoints")
def convert(
    source: FileArgument,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Written in the format of its ending.")],
    as_json: JsonOption = False,
) -> None:
    """From one program's format into another's; what could not be kept is said.

    Formats: .plan (QGroundControl), .waypoints (Mission Planner), .kml, .kmz, .geojson, .gpx.
    """
    from missions.formats import load, save

    document = load(source)
    notes = (*document.notes, *save(document, target)) if document.plan is None else save(document, target)
    if as_json:
        write_json({"written": str(target), "steps": len(document.steps), "notes": [str(note) for note in notes]})
        return
    typer.echo(f"Wrote {target}: {len(document.steps)} steps.")
    _say(notes)


@app.command(epilog="Example: chaoxun mission check bank.plan --drone cx-2")
def check(
    file: FileArgument,
    site: SiteOption = None,
    drone: DroneOption = None,
    wind: Annotated[str, typer.Option(metavar="MPS@DEG", help="Wind and where it comes from, like 8@90.")] = "0@0",
    as_json: JsonOption = False,
) -> None:
    """Whether a drone of the site may and can fly a mission; every fault with its item."""
    from flightctl.dispatch.decide import performance_of
    from flightctl.site_loading import load_site
    from missions.formats import load, to_plan
    from missions.validate import Limits
    from missions.validate import check as check_plan

    loaded = load_site(site or shipped_site())
    flown_by, dock = _drone(loaded, drone)
    plan, notes = to_plan(load(file), drone_id=flown_by.id, home=dock.position, home_amsl_m=dock.height_amsl_m)
    problems = check_plan(
        plan,
        loaded.zones,
        limits=Limits(),
        performance=performance_of(flown_by),
        wind=_wind(wind),
    )
    if as_json:
        write_json(
            {
                "ok": not problems,
                "drone": flown_by.id,
                "problems": [{"item": p.item, "fault": p.fault.value, "reason": p.reason} for p in problems],
                "notes": [str(note) for note in notes],
            }
        )
    else:
        _show(plan, problems)
        _say(notes)
    if problems:
        raise typer.Exit(1)


@app.command(epilog="Example: chaoxun mission plan patrol --from -300 --to 400 --out bank.plan")
def plan(
    kind: Annotated[
        Kind, typer.Argument(help="patrol: along the seawall and back; coverage: a zone, looked at whole.")
    ],
    out: Annotated[Path, typer.Option(help="The file to write, in the format of its ending.")],
    site: SiteOption = None,
    drone: DroneOption = None,
    start_m: Annotated[float, typer.Option("--from", help="patrol: metres along the seawall.")] = -200.0,
    end_m: Annotated[float, typer.Option("--to", help="patrol: metres along the seawall.")] = 200.0,
    offset_m: Annotated[float, typer.Option("--offset", help="patrol: metres off the crest, over the river.")] = 20.0,
    zone: Annotated[str | None, typer.Option(help="coverage: the zone to look at.")] = None,
    height_m: Annotated[float, typer.Option("--height", min=5, max=120, help="Above the dock.")] = 30.0,
    speed_mps: Annotated[
        float | None, typer.Option("--speed", min=1, max=30, help="The drone's cruise if none.")
    ] = None,
    times: Annotated[int, typer.Option(min=1, max=20, help="patrol: so often.")] = 1,
) -> None:
    """Make a mission for a drone of the site, check it, and write it."""
    from flightctl.dispatch.decide import performance_of
    from flightctl.site_loading import load_site
    from missions.formats import save, to_document
    from missions.patrol import Patroller, along_bank, out_and_back, plan_patrol
    from missions.validate import check as check_plan

    loaded = load_site(site or shipped_site())
    flown_by, dock = _drone(loaded, drone)
    patroller = Patroller(flown_by.id, dock.position, dock.height_amsl_m, height_m, speed_mps or flown_by.cruise_mps)
    if kind is Kind.PATROL:
        track = out_and_back(along_bank(loaded.river, start_m, end_m, offset_m), times=times)
        made = plan_patrol(patroller, loaded.frame, track)
    else:
        made = _coverage(loaded, patroller, zone)
    problems = check_plan(made, loaded.zones, performance=performance_of(flown_by))
    notes = save(to_document(made), out)
    _show(made, problems)
    typer.echo(f"Wrote {out}.")
    _say(notes)
    if problems:
        raise typer.Exit(1)


def _coverage(site: Site, patroller: Patroller, zone_id: str | None) -> MissionPlan:
    from missions.coverage import Camera, cover
    from missions.patrol import plan_patrol

    if zone_id is None:
        raise ChaoxunError(f"Name the zone to look at with --zone; the site has {_zones(site)}.")
    try:
        zone = site.zones.zone(zone_id)
    except KeyError:
        raise ChaoxunError(f"The site has no zone {zone_id!r}; it has {_zones(site)}.") from None
    home: Enu = site.frame.to_enu(patroller.home)
    found = cover(zone.polygon, Camera(across_deg=70.0, along_deg=43.0), patroller.height_m, start=home)
    return plan_patrol(patroller, site.frame, found.track).model_copy(update={"purpose": "coverage"})


def _zones(site: Site) -> str:
    return ", ".join(zone.id for zone in site.zones.zones)


def _drone(site: Site, drone_id: str | None) -> tuple[Drone, Dock]:
    drones = {drone.id: drone for drone in site.file.drones}
    chosen = next(iter(drones.values()), None) if drone_id is None else drones.get(drone_id)
    if chosen is None:
        raise ChaoxunError(f"The site has no drone {drone_id!r}; it has {', '.join(drones) or 'none'}.")
    return chosen, next(dock for dock in site.file.docks if dock.id == chosen.dock_id)


def _wind(text: str) -> Enu:
    from missions.patterns import heading

    try:
        speed, _, from_deg = text.partition("@")
        return heading(float(from_deg or 0.0) + 180.0).scaled(float(speed))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a wind like 8@90", param_hint="--wind") from None


def _show(plan: MissionPlan, problems: list[PlanProblem]) -> None:
    wrong: dict[int | None, list[str]] = {}
    for problem in problems:
        wrong.setdefault(problem.item, []).append(problem.reason)
    rows = [
        (str(index), item.type, _detail(item), "; ".join(wrong.get(index, [])))
        for index, item in enumerate(plan.items)
    ]
    table(f"{plan.purpose} by {plan.drone_id}", ("item", "", "", "fault"), rows)
    for reason in wrong.get(None, []):
        typer.echo(f"The whole plan: {reason}.")
    count = len(problems)
    typer.echo("It may fly." if not count else f"{count} fault{'s' if count > 1 else ''}: it may not fly so.")


def _detail(item: object) -> str:
    parts: list[str] = []
    for name in ("position", "height_m", "speed_mps", "seconds", "hook", "message_id"):
        value = getattr(item, name, None)
        if value is None:
            continue
        if name == "position":
            parts.append(f"{value.lat:.6f}, {value.lon:.6f}")
        else:
            unit = {"height_m": " m", "speed_mps": " m/s", "seconds": " s"}.get(name, "")
            number = f"{value:g}" if isinstance(value, float) else str(value)
            parts.append(f"{'hook ' if name == 'hook' else ''}{number}{unit}")
    return ", ".join(parts)


def _say(notes: tuple[Note, ...] | list[Note]) -> None:
    for note in notes:
        typer.echo(f"Not kept: {note}")
