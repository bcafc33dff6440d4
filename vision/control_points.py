"""Ground control points: where something that can be found again in the picture lies on the ground.

As CSV with the columns of `ControlPoint` in its first line, or as YAML: a list under `points`. A point read from a
Chinese map says so in `datum` (gcj02, bd09) and is converted here, once.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from geofence.datum import Datum, to_wgs84
from geofence.errors import InvalidInput, Problem
from geofence.position import LatLon
from geofence.sourcefile import Place, SourceFile, read_source, validated
from vision.camera import Lens
from vision.errors import CalibrationRefused

_Pixel = Annotated[float, Field(ge=0, le=8192, allow_inf_nan=False)]
_Height = Annotated[float, Field(ge=-500, le=9000, allow_inf_nan=False)]
COLUMNS = ("name", "u_px", "v_px", "lat", "lon", "height_amsl_m")
DATUM_COLUMN = "datum"  # may be there as well
_SHAPE_SHARE = 0.01


class ControlPoint(LatLon):
    """A pixel of the camera's picture (right, down from its top left) and the WGS-84 point it shows."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    u_px: _Pixel
    v_px: _Pixel
    height_amsl_m: _Height

    @model_validator(mode="before")
    @classmethod
    def _from_its_datum(cls, data: Any) -> Any:
        """`datum` beside lat and lon says which map they were read from; without it they are WGS-84."""
        if not isinstance(data, dict) or DATUM_COLUMN not in data:
            return cast("Any", data)
        content = dict(cast("dict[str, Any]", data))
        named = content.pop(DATUM_COLUMN) or Datum.WGS84
        if named not in set(Datum):
            raise ValueError(f"datum {named!r} is not one of {', '.join(Datum)}")
        lat, lon = content.get("lat"), content.get("lon")
        if not isinstance(lat, int | float) or not isinstance(lon, int | float) or abs(lat) > 90 or abs(lon) > 180:
            return content  # the fields themselves say what is wrong
        place = to_wgs84(lat, lon, Datum(named))
        return {**content, "lat": place.lat, "lon": place.lon}


class _PointsFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    points: tuple[ControlPoint, ...]

    @model_validator(mode="after")
    def _each_name_once(self) -> _PointsFile:
        names = [point.name for point in self.points]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stands here twice; a wrong point is told by its name")
        return self


def load_control_points(path: Path) -> tuple[ControlPoint, ...]:
    """Raises InvalidInput with every fault at its line."""
    source = _read_csv(path) if path.suffix.lower() == ".csv" else read_source(path)
    return validated(source, _PointsFile).points


def rescaled(points: Sequence[ControlPoint], size_px: tuple[int, int], lens: Lens) -> tuple[ControlPoint, ...]:
    """Points marked in a still of `size_px` as points of the picture that `lens` describes.

    A camera's still and its analysed sub-stream often differ in size. Raises CalibrationRefused when their shapes do.
    """
    across, down = lens.width_px / size_px[0], lens.height_px / size_px[1]
    if abs(across / down - 1) > _SHAPE_SHARE:
        raise CalibrationRefused(
            [
                f"the still is {size_px[0]}x{size_px[1]}, the camera's picture {lens.width_px}x{lens.height_px}: "
                "their shapes differ. Take the still from the stream that is analysed."
            ]
        )
    return tuple(p.model_copy(update={"u_px": p.u_px * across, "v_px": p.v_px * down}) for p in points)


def _read_csv(path: Path) -> SourceFile:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInput([Problem("", f"cannot be read: {error.strerror or error}", str(path))]) from error
    except UnicodeDecodeError as error:
        raise InvalidInput([Problem("", f"is not UTF-8 at byte {error.start}", path.name)]) from error
    reader = csv.reader(text.splitlines())
    points: list[dict[str, Any]] = []
    lines: dict[Place, int] = {("points",): 1}
    header: list[str] | None = None
    for row in reader:
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if header is None:
            header = cells
            if set(header) - {DATUM_COLUMN} != set(COLUMNS) or len(header) != len(set(header)):
                reason = f"its first line must name the columns {','.join(COLUMNS)}; it has {','.join(header)}"
                raise InvalidInput([Problem("", reason, path.name, reader.line_num)])
            continue
        if len(cells) != len(header):
            reason = f"has {len(cells)} values, not {len(header)}"
            raise InvalidInput([Problem("", reason, path.name, reader.line_num)])
        lines[("points", len(points))] = reader.line_num
        pairs = zip(header, cells, strict=True)
        points.append({key: cell if key in {"name", DATUM_COLUMN} else _number(cell) for key, cell in pairs})
    return SourceFile(path, {"points": points}, lines)


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell
