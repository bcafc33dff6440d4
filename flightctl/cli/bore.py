"""`chaoxun bore ...`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flightctl.cli.running import JsonOption, shipped_site, table, write_json
from geofence.errors import ChaoxunError

if TYPE_CHECKING:
    from geofence.bore import BoreForecast, Passage
    from geofence.position import Enu

SiteOption = Annotated[Path | None, typer.Option(help="Site folder; the shipped Haining when left out.")]

app = typer.Typer(help="When the bore comes.", no_args_is_help=True)


@app.command(epilog="Example: chaoxun bore forecast --station yanguan --date 2026-09-28")
def forecast(
    station: Annotated[str | None, typer.Option(help="One station of the river; all when left out.")] = None,
    day: Annotated[
        str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="The site's day; today if none.")
    ] = None,
    site: SiteOption = None,
    typhoon: Annotated[bool, typer.Option("--typhoon", help="One is near: earlier, and less sure.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the day into this .png or .svg.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Arrival times and their uncertainty, at each station on one day: by the Moon, or the site's official table."""
    from zoneinfo import ZoneInfo

    from flightctl.site_loading import load_site
    from geofence.bore import BoreForecast

    loaded = load_site(site or shipped_site())
    zone = ZoneInfo(loaded.file.timezone)
    on = _day(day) if day else datetime.now(zone).date()
    start = datetime.combine(on, time(), zone)
    stations = loaded.river.stations
    if station is not None:
        stations = tuple(one for one in stations if one.id == station)
        if not stations:
            known = ", ".join(one.id for one in loaded.river.stations)
            raise ChaoxunError(f"The river has no station {station!r}; it has {known}.")
    bores = BoreForecast(loaded.river, loaded.bore_table)
    bores.typhoon = typhoon
    found = [
        (one, passage)
        for one in stations
        for passage in _passages(bores, one.enu, start, datetime.combine(on + timedelta(days=1), time(), zone))
    ]
    title = f"Bore at {loaded.file.name.en}, {on} ({loaded.file.timezone})"
    if plot is not None:
        _draw(plot, title, [(one.chainage_m, one.name.en, passage) for one, passage in found], zone)
    if as_json:
        write_json(
            [
                {
                    "station": one.id,
                    "at": passage.at.astimezone(UTC).isoformat(),
                    "local": passage.at.astimezone(zone).isoformat(timespec="seconds"),
                    "sigma_s": round(passage.sigma_s, 1),
                    "source": passage.source.value,
                }
                for one, passage in found
            ]
        )
        return
    rows = [
        (
            one.id,
            one.name.zh,
            f"{passage.at.astimezone(zone):%H:%M}",
            f"± {passage.sigma_s / 60:.0f} min",
            passage.source.value,
        )
        for one, passage in found
    ]
    table(
        title,
        ("station", "", "front", "1 sigma", "by"),
        rows,
    )


@app.command(
    "import", epilog="Example: chaoxun bore import autumn.csv --site sites/yanguan --source 智管钱潮 --by Lin"
)
def import_table(
    file: Annotated[Path, typer.Argument(metavar="CSV", help="Columns station, at, and sigma_min if known.")],
    source: Annotated[str, typer.Option(help="Who published it.")],
    by: Annotated[str, typer.Option(help="Who enters it.")],
    site: Annotated[Path, typer.Option(help="Site folder; bore_table.yaml is written into it.")],
    as_json: JsonOption = False,
) -> None:
    """Take an official forecast: each time is held against the Moon and the order of the stations.

    Nothing is written when a time is refused: a table that is wrong in one place is not to be trusted in the others.
    """
    from flightctl.site_loading import load_site
    from geofence.bore_table import FILE_NAME, dumped, judged, read_csv

    loaded = load_site(site)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ChaoxunError(f"{file} cannot be read as text: {error}.") from None
    official = read_csv(text, name=file.name, source=source, entered_by=by, timezone=loaded.file.timezone)
    verdict = judged(official, loaded.river)
    refused = [f"{r.entry.station_id} {r.entry.at.isoformat()}: {r.reason}" for r in verdict.refused]
    target = site / FILE_NAME
    if not refused:
        try:
            target.write_text(dumped(official), encoding="utf-8")
        except OSError as error:
            raise ChaoxunError(f"{target} cannot be written: {error.strerror or error}.") from None
    if as_json:
        write_json({"ok": not refused, "taken": verdict.taken, "refused": refused})
    elif not refused:
        typer.echo(f"Wrote {target}: {verdict.taken} times, in force until {official.expires_on}.")
    else:
        for line in refused:
            typer.echo(line, err=True)
        typer.echo(f"{len(refused)} of {len(official.entries)} times cannot be right; nothing was written.", err=True)
    if refused:
        raise typer.Exit(1)


@app.command("fit", epilog="Example: chaoxun bore fit seen.csv --site sites/yanguan")
def fit_constants(
    file: Annotated[Path, typer.Argument(metavar="CSV", help="Fronts that were seen: columns station and at.")],
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit the lead and the offsets of river.yaml to the last spring tides, and say how the old ones did."""
    import dataclasses

    from flightctl.site_loading import load_site
    from geofence.bore_fit import Seen, fit
    from geofence.bore_table import read_rows

    loaded = load_site(site or shipped_site())
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ChaoxunError(f"{file} cannot be read as text: {error}.") from None
    rows = read_rows(text, name=file.name, timezone=loaded.file.timezone)
    result = fit(loaded.river, [Seen(row.station, row.at) for row in rows])
    if as_json:
        left_out = [{"station": s.station_id, "at": s.at.isoformat(), "reason": why} for s, why in result.left_out]
        write_json({"fitted": [dataclasses.asdict(one) for one in result.fitted], "left_out": left_out})
        return
    lines = [
        (one.name.removesuffix("_before_transit_min"),
         f"{one.old_min:g}", f"{one.new_min:g}", f"{one.sigma_min:g}", str(one.count),
         f"{one.mean_error_min:+g}", f"{one.mean_absolute_error_min:g}", f"{one.fitted_error_min:g}")
        for one in result.fitted
    ]  # fmt: skip
    table(
        "Minutes; put `new` and `sigma` into river.yaml when they persuade you",
        ("constant", "old", "new", "sigma", "seen", "bias", "error", "error with new"),
        lines,
    )
    for seen, why in result.left_out:
        typer.echo(f"Left out: {seen.station_id} {seen.at.isoformat()}: {why}.")
    if not lines:
        typer.echo("Fewer than three fronts of spring tides for each constant: nothing to fit yet.")


def _draw(path: Path, title: str, found: list[tuple[float, str, Passage]], zone: tzinfo) -> None:
    """Distance up the river over the time of the day, each bore with its one and two sigma."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.dates import DateFormatter, HourLocator

    figure, axes = plt.subplots(figsize=(10, 5), layout="constrained")
    bores: list[list[tuple[float, Passage]]] = []
    for chainage, _, passage in sorted(found, key=lambda one: one[2].at):
        near = [bore for bore in bores if abs((bore[-1][1].at - passage.at).total_seconds()) < 3 * 3600]
        (near[0] if near else bores[bores.append([]) or -1]).append((chainage, passage))
    for bore in bores:
        bore.sort(key=lambda one: one[0])
        km = [chainage / 1000 for chainage, _ in bore]
        at = [passage.at.astimezone(zone).replace(tzinfo=None) for _, passage in bore]
        for sigmas, alpha in ((2, 0.12), (1, 0.25)):
            spread = [timedelta(seconds=sigmas * passage.sigma_s) for _, passage in bore]
            early = [a - s for a, s in zip(at, spread, strict=True)]
            late = [a + s for a, s in zip(at, spread, strict=True)]
            axes.fill_betweenx(km, early, late, color="#0a66c2", alpha=alpha, linewidth=0)  # pyright: ignore[reportArgumentType]
        axes.plot(at, km, color="#0a66c2", marker="o", markersize=4)  # pyright: ignore[reportArgumentType]
    for chainage, name in {(chainage, name) for chainage, name, _ in found}:
        axes.annotate(name, (1.01, chainage / 1000), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    axes.set_title(title)
    axes.set_xlabel("local time; bands are one and two sigma")
    axes.set_ylabel("km up the river")
    axes.xaxis.set_major_locator(HourLocator(interval=2))
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M"))
    axes.grid(alpha=0.3)
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise ChaoxunError(f"{path} cannot be drawn: {error}.") from None
    finally:
        plt.close(figure)


def _passages(bores: BoreForecast, place: Enu, start: datetime, end: datetime) -> list[Passage]:
    found: list[Passage] = []
    at = start
    while True:
        passage = bores.next_passage(place, at.astimezone(UTC), passed_s=0.0)
        if passage.at >= end:
            return found
        found.append(passage)
        at = passage.at + timedelta(hours=1)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day like 2026-09-28", param_hint="--date") from None
