"""`chaoxun site ...`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from flightctl.cli.running import JsonOption, shipped_site, write_json
from geofence.errors import ChaoxunError, InvalidInput

app = typer.Typer(help="Make and check site folders.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR")]
_FILES = ("site.yaml", "zones.geojson", "river.yaml", "basemap.geojson")


@app.command(epilog="Example: chaoxun site check sites/yanguan")
def check(folder: Folder, as_json: JsonOption = False) -> None:
    """Check a site folder; every fault is named with its file and line."""
    from flightctl.site_loading import load_site

    try:
        site = load_site(folder)
    except InvalidInput as error:
        if as_json:
            faults = [{"file": p.file, "line": p.line, "place": p.place, "reason": p.reason} for p in error.problems]
            write_json({"ok": False, "problems": faults})
            raise typer.Exit(1) from None
        raise
    file = site.file
    counts = {
        "docks": len(file.docks),
        "drones": len(file.drones),
        "cameras": len(file.cameras),
        "speakers": len(file.speakers),
        "zones": len(site.zones.zones),
        "stations": len(site.river.stations),
    }
    if as_json:
        write_json({"ok": True, "problems": [], "site": file.id, **counts})
        return
    parts = ", ".join(f"{count} {name if count != 1 else name.removesuffix('s')}" for name, count in counts.items())
    typer.echo(f"{file.id} ({file.name.zh}, {file.name.en}) is valid: {parts}.")


@app.command(epilog="Example: chaoxun site init sites/yanguan")
def init(folder: Folder) -> None:
    """Make a new site folder from the shipped Haining, with drops that wait for a person."""
    site_id = folder.resolve().name
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", site_id):
        raise ChaoxunError(
            f"{site_id!r} cannot name a site; use a folder name of lower-case letters, digits and hyphens."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ChaoxunError(f"{folder} is there already and not an empty folder; name another one.")
    template = shipped_site()
    contents = {name: (template / name).read_text(encoding="utf-8") for name in _FILES}
    contents["site.yaml"] = _own(contents["site.yaml"], site_id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ChaoxunError(f"{folder} cannot be written: {error.strerror or error}.") from error
    typer.echo(f"Made {folder} with the places of Haining. Put in your own, then: chaoxun site check {folder}")


def _own(text: str, site_id: str) -> str:
    """The shipped site.yaml under a new id, made safe for real hardware."""
    for pattern, instead in (
        (r"(?m)^id: .*$", f"id: {site_id}"),
        (r"(?m)^simulated: .*$", "simulated: false"),
        (r"(?m)^(  drop: ).*$", r"\1confirm  # auto only on simulated sites"),
    ):
        text, changed = re.subn(pattern, instead, text, count=1)
        if not changed:
            raise ChaoxunError("The shipped site.yaml is not as expected; install Chaoxun again.")
    return text
