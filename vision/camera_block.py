"""A calibration as it is written down: rounded values, and the YAML block to paste."""

from __future__ import annotations

from vision.camera import Camera

_DEGREES_PLACE = 8  # a millimetre
_DEGREES_ANGLE = 4
_METRES = 3
_COEFFICIENT = 6


def calibration_values(camera: Camera) -> dict[tuple[str, ...], float]:
    """Where each value stands in a camera's block, and what it is; in the order in which they are written."""
    lens, place = camera.lens, camera.position
    return {
        ("position", "lat"): round(place.lat, _DEGREES_PLACE),
        ("position", "lon"): round(place.lon, _DEGREES_PLACE),
        ("height_amsl_m",): round(camera.height_amsl_m, _METRES),
        ("yaw_deg",): round(camera.yaw_deg, _DEGREES_ANGLE) % 360.0,
        ("pitch_deg",): round(camera.pitch_deg, _DEGREES_ANGLE),
        ("roll_deg",): round(camera.roll_deg, _DEGREES_ANGLE),
        ("lens", "hfov_deg"): round(lens.hfov_deg, _DEGREES_ANGLE),
        ("lens", "k1"): round(lens.k1, _COEFFICIENT),
        ("lens", "k2"): round(lens.k2, _COEFFICIENT),
    }


def camera_block(camera: Camera) -> str:
    """The lines of site.yaml or a camera file that the calibration settles."""
    values = calibration_values(camera)
    lens = camera.lens
    bend = "".join(f", {key}: {values['lens', key]:g}" for key in ("k1", "k2") if values["lens", key])
    return (
        f"position: {{lat: {values['position', 'lat']!r}, lon: {values['position', 'lon']!r}}}\n"
        f"height_amsl_m: {values['height_amsl_m',]!r}\n"
        f"yaw_deg: {values['yaw_deg',]!r}\n"
        f"pitch_deg: {values['pitch_deg',]!r}\n"
        f"roll_deg: {values['roll_deg',]!r}\n"
        f"lens: {{width_px: {lens.width_px}, height_px: {lens.height_px}, hfov_deg: {values['lens', 'hfov_deg']!r}"
        f"{bend}}}\n"
    )
