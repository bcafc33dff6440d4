"""`chaoxun watch`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flightctl.cli.running import JsonOption

if TYPE_CHECKING:
    from vision.scene import SceneModel


def watch(
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="A video file, a folder of images, or an rtsp:// or http:// address."),
    ],
    camera: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The camera's calibration (YAML), or SITE_DIR:CAMERA_ID of a site."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for the annotated video and pictures.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Vision alone: alerts as they are seen, and an annotated video. A live camera is watched until Ctrl-C.

    Example: chaoxun watch clip.mp4 --camera pier.yaml --out seen
    """
    from vision.watch import watch as look

    scene = None if camera is None else _scene_of_site(camera)
    if scene is not None:
        look(source, scene=scene, out_dir=out, json=as_json)
    else:
        look(source, camera_file=camera, out_dir=out, json=as_json)


def _scene_of_site(camera: Path) -> SceneModel | None:
    """What `SITE_DIR:CAMERA_ID` names; None when it is the path of a file."""
    folder, separator, camera_id = str(camera).rpartition(":")
    if not separator or camera.exists() or not Path(folder).is_dir():
        return None
    from flightctl.scene import camera_scene
    from flightctl.site_loading import load_site

    return camera_scene(load_site(Path(folder)), camera_id)
