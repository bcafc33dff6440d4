"""`chaoxun bore ...`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flightctl.cli.running import JsonOption, shipped_site, table, write_json
from geofence.errors import ChaoxunError

if TYPE_CHECKING:
    from geofence.bore import BoreForecast, Passage
    from geofence.position import Enu

app = typer.Typer(help="When the bore comes.", no_args_is_help=True)


@app.callback()
def _group() -> None:  # pyright: ignore[reportUnusedFunction]
    """Keeps `forecast` a word of its own while it is the only command."""


@app.command(epilog="Example: chaoxun bore forecast --station yanguan --date 2026-09-28")
def forecast(
    station: Annotated[str | None, typer.Option(help="One station of the river; all when left out.")] = None,
    day: Annotated[
        str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="The site's day; today if none.")
    ] = None,
    site: Annotated[Path | None, typer.Option(help="Site folder; the shipped Haining when left out.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Arrival times and their uncertainty by the Moon, at each station on one day."""
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
    bores = BoreForecast(loaded.river)
    found = [
        (one, passage)
        for one in stations
        for passage in _passages(bores, one.enu, start, datetime.combine(on + timedelta(days=1), time(), zone))
    ]
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
        f"Bore at {loaded.file.name.en}, {on} ({loaded.file.timezone})",
        ("station", "", "front", "1 sigma", "by"),
        rows,
    )


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
