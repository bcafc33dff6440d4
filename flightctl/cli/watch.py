"""`chaoxun watch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flightctl.cli.running import JsonOption


def watch(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A video file, an RTSP address or a picture folder.")
    ],
    camera: Annotated[Path | None, typer.Option(metavar="FILE", help="The camera's calibration (YAML).")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for the annotated video.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Vision alone: alerts as they are seen, and an annotated video."""
    from vision.watch import watch as look

    look(source, camera_file=camera, out_dir=out, json=as_json)
