"""`chaoxun camera ...`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flightctl.cli.running import JsonOption, table, write_json
from geofence.errors import ChaoxunError

if TYPE_CHECKING:
    from geofence.position import LocalFrame
    from vision.camera import Camera
    from vision.camera_fit_report import Calibrated, Value
    from vision.scene import SceneModel

app = typer.Typer(help="Calibrate cameras, and look at a calibration.", no_args_is_help=True)

SiteFolder = Annotated[Path | None, typer.Option("--site", metavar="DIR", help="The site folder of the camera.")]
StillOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A still of the camera; where points are marked in it, in its own size."),
]


@app.command(
    epilog="Example: chaoxun camera calibrate points.csv --site sites/yanguan --camera cam-3 --image still.jpg"
)
def calibrate(
    points: Annotated[
        Path,
        typer.Argument(metavar="POINTS", help="CSV or YAML: name, u_px, v_px, lat, lon, height_amsl_m[, datum]."),
    ],
    site: SiteFolder = None,
    camera: Annotated[str | None, typer.Option(metavar="ID", help="The camera of the site.")] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Without a site: the size of the camera's picture.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="LAT,LON,AMSL", help="Without a site: about where the camera hangs.")
    ] = None,
    hfov: Annotated[float, typer.Option(min=2, max=160, help="Without a site: about its horizontal view.")] = 60.0,
    fix_position: Annotated[
        bool, typer.Option("--fix-position", help="Keep the place; only where it looks, and the lens, are sought.")
    ] = False,
    fix_focal: Annotated[bool, typer.Option("--fix-focal", help="Keep the field of view.")] = False,
    distortion: Annotated[int, typer.Option(min=0, max=2, help="Coefficients to seek: 1 k1, 2 k1 and k2.")] = 0,
    image: StillOption = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw points, grid and zones over the still (.png, .jpg).")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Put an accepted calibration into site.yaml.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Where a camera hangs, where it looks and through what lens, from points measured on the ground.

    Each point's error is told in pixels and metres. A calibration that cannot be relied on is refused with its
    reasons (status 1) and never written.
    """
    import numpy as np

    from vision.camera_block import camera_block
    from vision.camera_fit import Solve
    from vision.camera_fit_report import calibrate as fit
    from vision.control_points import load_control_points, rescaled
    from vision.errors import CalibrationRefused
    from vision.overlay_picture import read_still

    before, frame = _camera_of(site, camera, size, at, hfov)
    if write and site is None:
        raise ChaoxunError("--write changes a site; name it with --site and --camera, or paste the printed block.")
    marked = load_control_points(points)
    still = None if image is None else read_still(image)
    solve = Solve(position=not fix_position, focal=not fix_focal, distortion=distortion)
    try:
        if still is not None:
            marked = rescaled(marked, (still.shape[1], still.shape[0]), before.lens)
        done = fit(marked, before, frame, solve, np.random.default_rng(0))
    except CalibrationRefused as refused:
        if not as_json:
            raise
        write_json({"accepted": False, "refusals": list(refused.reasons)})
        raise typer.Exit(1) from None
    if plot is not None:
        heights = sorted(point.height_amsl_m for point in marked)
        _draw(done.camera, frame, site, image, plot, heights[len(heights) // 2], done)
    block = camera_block(done.camera)
    written = False
    if write and site is not None and not done.refusals:
        from flightctl.site_edit import write_calibration

        write_calibration(site / "site.yaml", done.camera)
        written = True
    if as_json:
        write_json(_as_data(done, block, written=written))
    else:
        _show(done, frame)
    if done.refusals:
        for reason in done.refusals:
            typer.echo(f"The calibration is refused: {reason}", err=True)
        raise typer.Exit(1)
    if not as_json:
        if written and site is not None:
            typer.echo(f"{site / 'site.yaml'} has the new calibration of {done.camera.id}; restart the service.")
        else:
            typer.echo(block, nl=False)


@app.command(
    epilog="Example: chaoxun camera check --site sites/yanguan --camera cam-3 --image still.jpg --out seen.png"
)
def check(
    site: Annotated[Path, typer.Option("--site", metavar="DIR", help="The site folder of the camera.")],
    camera: Annotated[str, typer.Option(metavar="ID", help="The camera of the site.")],
    image: Annotated[Path, typer.Option(metavar="FILE", help="A still of the camera.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to draw it (.png, .jpg).")] = Path("camera.png"),
) -> None:
    """Draw zones, seawall and a ground grid over a still, to see whether the calibration is right.

    The grid has a line every 10 m; distances from the camera are written at the rings.
    """
    before, frame = _camera_of(site, camera, None, None, 60.0)
    _draw(before, frame, site, image, out, 0.0, None)
    typer.echo(f"{out}: kerbs, wall and zones must lie on what they name, above all far away.")


def _camera_of(
    site: Path | None, camera_id: str | None, size: str | None, at: str | None, hfov_deg: float
) -> tuple[Camera, LocalFrame]:
    """The camera as it stands in the site, or a first guess of one without a site."""
    from geofence.position import LatLon, LocalFrame
    from vision.camera import Camera, Lens

    if site is not None:
        if camera_id is None or size is not None or at is not None:
            raise ChaoxunError(
                "With --site name the camera with --camera; --size and --at are for one without a site."
            )
        from flightctl.site_loading import load_site

        loaded = load_site(site)
        for one in loaded.file.cameras:
            if one.id == camera_id:
                return one, loaded.frame
        known = ", ".join(one.id for one in loaded.file.cameras) or "none"
        raise ChaoxunError(f"{site} has no camera {camera_id!r}; there are: {known}.")
    if size is None or at is None:
        raise ChaoxunError("Name a camera with --site and --camera, or its picture and place with --size and --at.")
    try:
        width, height = (int(part) for part in size.lower().split("x"))
        lat, lon, amsl_m = (float(part) for part in at.split(","))
        place = LatLon(lat=lat, lon=lon)
        lens = Lens(width_px=width, height_px=height, hfov_deg=hfov_deg)
    except ValueError:
        raise ChaoxunError(
            f"--size {size} --at {at} cannot be read; write them like --size 1920x1080 --at 30.4017,120.5373,18.5."
        ) from None
    if not math.isfinite(amsl_m):
        raise ChaoxunError(f"--at {at}: the height must be a number.")
    guess = Camera(
        id=camera_id or "camera", name={"en": "camera"}, stream="-", position=place, height_amsl_m=amsl_m,
        yaw_deg=0, pitch_deg=-10, lens=lens,
    )  # fmt: skip
    return guess, LocalFrame(place)


def _draw(
    camera: Camera,
    frame: LocalFrame,
    site: Path | None,
    image: Path | None,
    out: Path,
    plane_amsl_m: float,
    done: Calibrated | None,
) -> None:
    from vision.calibration import Projection
    from vision.overlay import overlay
    from vision.overlay_picture import drawn, read_still, save_picture

    projection = Projection(camera, frame)
    scene: SceneModel | None = None
    if site is not None:
        from flightctl.scene import scene_geometry
        from flightctl.site_loading import load_site
        from vision.scene import SceneModel

        loaded = load_site(site)
        geometry = scene_geometry(loaded, water_amsl_m=loaded.river.level.low_amsl_m)
        scene = SceneModel(projection, geometry)
    lines = overlay(projection, plane_amsl_m, scene)
    still = None if image is None else read_still(image)
    save_picture(out, drawn(still, camera.lens, lines, () if done is None else done.points))


def _show(done: Calibrated, frame: LocalFrame) -> None:
    table(
        f"{done.camera.id}: {len(done.points)} points, {done.rms_px:.2f} px RMS (limit {done.rms_limit_px:.1f})",
        ("point", "u", "v", "off u px", "off v px", "off px", "off m", ""),
        [
            (
                p.name, f"{p.u_px:.1f}", f"{p.v_px:.1f}", f"{p.off_u_px:+.2f}", f"{p.off_v_px:+.2f}",
                f"{p.off_px:.2f}", "-" if p.off_m is None else f"{p.off_m:.2f}", "" if p.agrees else "wrong",
            )
            for p in done.points
        ],
    )  # fmt: skip
    sure = "not determined" if done.ground_sigma_m is None else f"± {done.ground_sigma_m:.2f} m"
    table(
        f"A place 100 m away: {sure}",
        ("value", "before", "now", "1 sigma", "moves at 100 m"),
        [_value_row(value) for value in done.values],
    )


def _value_row(value: Value) -> tuple[str, str, str, str, str]:
    sigma = "kept" if value.sigma is None else f"± {value.sigma:.4g}"
    moved = "" if value.at_100_m is None else f"{value.at_100_m:.2f} m"
    return value.name, f"{value.before:.4f}", f"{value.after:.4f}", sigma, moved


def _as_data(done: Calibrated, block: str, *, written: bool) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "accepted": not done.refusals,
        "refusals": list(done.refusals),
        "rms_px": done.rms_px,
        "rms_limit_px": done.rms_limit_px,
        "ground_sigma_at_100_m": done.ground_sigma_m,
        "points": [asdict(point) for point in done.points],
        "values": [_finite(asdict(value)) for value in done.values],
        "camera": done.camera.model_dump(mode="json", include={"id", "position", "height_amsl_m", "yaw_deg",
                                                             "pitch_deg", "roll_deg", "lens"}),
        "block": block,
        "written": written,
    }  # fmt: skip


def _finite(values: dict[str, object]) -> dict[str, object]:
    """JSON has no infinity."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
