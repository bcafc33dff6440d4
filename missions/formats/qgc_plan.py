"""QGroundControl `.plan`: mission, GeoFence and rally points in JSON.

https://docs.qgroundcontrol.com/master/en/qgc-dev-user-guide/file_formats/plan.html. Surveys and other complex items
carry the simple items they fly (TransectStyleComplexItem.Items), and those are taken.
"""

from __future__ import annotations

import json
import math
from typing import Any, cast

from geofence.errors import InvalidInput, Problem
from geofence.position import LatLon
from missions.formats import extension
from missions.formats.document import Circle, Document, Frame, Note, Ring, Step

_FRAMES = {0: Frame.AMSL, 3: Frame.HOME, 5: Frame.AMSL, 6: Frame.HOME, 10: Frame.TERRAIN, 11: Frame.TERRAIN}
_NUMBERS = {Frame.AMSL: 0, Frame.HOME: 3, Frame.TERRAIN: 10}
_NO_FRAME = 2  # MAV_FRAME_MISSION


def loads(text: str) -> Document:
    """Raises InvalidInput with the place of what is wrong."""
    try:
        root: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidInput([Problem("", f"is not JSON: {error.msg}", line=error.lineno)]) from None
    if not isinstance(root, dict) or cast("dict[str, Any]", root).get("fileType") != "Plan":
        raise InvalidInput([Problem("fileType", "is not 'Plan': this is no QGroundControl plan")])
    return _Reader().read(cast("dict[str, Any]", root))


def dumps(document: Document) -> tuple[str, tuple[Note, ...]]:
    home = document.home
    planned_home = [None, None, None] if home is None else [home.lat, home.lon, document.home_amsl_m or 0.0]
    root: dict[str, Any] = {
        "fileType": "Plan",
        "version": 1,
        "groundStation": "Chaoxun",
        "geoFence": {
            "version": 2,
            "circles": [
                {
                    "version": 1,
                    "inclusion": circle.inclusion,
                    "circle": {"center": [circle.centre.lat, circle.centre.lon], "radius": circle.radius_m},
                }
                for circle in document.circles
            ],
            "polygons": [
                {"version": 1, "inclusion": inclusion, "polygon": [[p.lat, p.lon] for p in ring]}
                for inclusion, rings in ((True, document.inclusions), (False, document.exclusions))
                for ring in rings
            ],
        },
        "mission": {
            "version": 2,
            "firmwareType": 3,  # MAV_AUTOPILOT_ARDUPILOTMEGA
            "vehicleType": 2,  # MAV_TYPE_QUADROTOR
            "cruiseSpeed": 15,
            "hoverSpeed": 5,
            "globalPlanAltitudeMode": 1,
            "plannedHomePosition": planned_home,
            "items": [_item(number, step) for number, step in enumerate(document.steps, start=1)],
        },
        "rallyPoints": {"version": 2, "points": [[p.lat, p.lon, height] for p, height in document.rally]},
    }
    ours = extension.pack(document, document.steps)
    if ours is not None:
        root[extension.KEY] = ours
    notes = [note for note in document.notes if ours is None]
    if document.areas:
        notes.append(Note("areas", "outlines without a meaning have no place in a plan and were left out"))
    return json.dumps(root, ensure_ascii=False, indent=2) + "\n", tuple(notes)


def _item(number: int, step: Step) -> dict[str, Any]:
    params: list[float | None] = [None if math.isnan(p) else p for p in step.params]
    place = [0, 0] if step.position is None else [step.position.lat, step.position.lon]
    return {
        "type": "SimpleItem",
        "autoContinue": True,
        "command": int(step.command),
        "doJumpId": number,
        "frame": _NUMBERS[step.frame] if step.position is not None or step.height_m else _NO_FRAME,
        "params": [*params, *place, step.height_m],
        "AltitudeMode": 1 if step.frame is Frame.HOME else 2,
        "Altitude": step.height_m,
    }


class _Reader:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.notes: list[Note] = []
        self.steps: list[Step] = []

    def read(self, root: dict[str, Any]) -> Document:
        mission = _mapping(root.get("mission"))
        self._items(mission.get("items"), "mission.items")
        home, home_amsl = self._home(mission.get("plannedHomePosition"))
        inclusions, exclusions = self._polygons(_mapping(root.get("geoFence")).get("polygons"))
        circles = self._circles(_mapping(root.get("geoFence")).get("circles"))
        rally = self._rally(_mapping(root.get("rallyPoints")).get("points"))
        if self.problems:
            raise InvalidInput(self.problems)
        document = Document(
            steps=tuple(self.steps),
            home=home,
            home_amsl_m=home_amsl,
            inclusions=inclusions,
            exclusions=exclusions,
            circles=circles,
            rally=rally,
            notes=tuple(self.notes),
        )
        return extension.unpack(root.get(extension.KEY), document)

    def _items(self, raw: Any, place: str) -> None:
        for index, one in enumerate(_listed(raw)):
            where = f"{place}[{index}]"
            item = _mapping(one)
            if item.get("type") == "ComplexItem":
                kind = str(item.get("complexItemType", "complex item"))
                inner = _mapping(item.get("TransectStyleComplexItem")).get("Items", item.get("Items"))
                if not _listed(inner):
                    self.notes.append(Note(where, f"the {kind} carries no items to fly and was left out"))
                    continue
                self.notes.append(Note(where, f"the {kind} became the waypoints it flies"))
                self._items(inner, f"{where}.Items")
            else:
                self._simple(item, where)

    def _simple(self, item: dict[str, Any], where: str) -> None:
        params = _listed(item.get("params"))
        command = item.get("command")
        if isinstance(command, bool) or not isinstance(command, int) or len(params) != 7:
            self.problems.append(Problem(where, "needs a command number and seven params"))
            return
        numbers = [_number(p) for p in params]
        if any(n is None for n in numbers):
            self.problems.append(Problem(f"{where}.params", "must be numbers or null"))
            return
        p1, p2, p3, p4, lat, lon, height = (cast("float", n) for n in numbers)
        frame = item.get("frame", 3)
        position = None
        if not (math.isnan(lat) or math.isnan(lon)) and (lat or lon) and frame != _NO_FRAME:
            position = self._position(lat, lon, f"{where}.params")
        self.steps.append(Step(command, (p1, p2, p3, p4), position, height, _FRAMES.get(frame, Frame.HOME)))

    def _home(self, raw: Any) -> tuple[LatLon | None, float | None]:
        listed = [_number(n) for n in _listed(raw)]
        if len(listed) < 2 or any(n is None or math.isnan(n) for n in listed[:2]):
            return None, None
        lat, lon = cast("float", listed[0]), cast("float", listed[1])
        height = listed[2] if len(listed) > 2 else None
        return self._position(lat, lon, "mission.plannedHomePosition"), height

    def _polygons(self, raw: Any) -> tuple[tuple[Ring, ...], tuple[Ring, ...]]:
        inside, outside = list[Ring](), list[Ring]()
        for index, one in enumerate(_listed(raw)):
            where = f"geoFence.polygons[{index}]"
            polygon = _mapping(one)
            ring = [self._pair(p, where) for p in _listed(polygon.get("polygon"))]
            kept = tuple(p for p in ring if p is not None)
            if len(kept) > 1 and kept[0] == kept[-1]:
                kept = kept[:-1]
            if len(kept) < 3:
                self.problems.append(Problem(where, f"an outline of {len(kept)} points encloses nothing"))
            (inside if polygon.get("inclusion", True) else outside).append(kept)
        return tuple(inside), tuple(outside)

    def _circles(self, raw: Any) -> tuple[Circle, ...]:
        circles: list[Circle] = []
        for index, one in enumerate(_listed(raw)):
            where = f"geoFence.circles[{index}]"
            shape = _mapping(_mapping(one).get("circle"))
            centre, radius = self._pair(shape.get("center"), where), _number(shape.get("radius"))
            if centre is None:
                continue
            if radius is None or not radius > 0:
                self.problems.append(Problem(where, "needs a radius above 0"))
                continue
            circles.append(Circle(centre, radius, bool(_mapping(one).get("inclusion", True))))
        return tuple(circles)

    def _rally(self, raw: Any) -> tuple[tuple[LatLon, float], ...]:
        points: list[tuple[LatLon, float]] = []
        for index, one in enumerate(_listed(raw)):
            place = self._pair(one, f"rallyPoints.points[{index}]")
            height = _number(_listed(one)[2]) if len(_listed(one)) > 2 else 0.0
            if place is not None:
                points.append((place, height or 0.0))
        return tuple(points)

    def _pair(self, raw: Any, where: str) -> LatLon | None:
        numbers = [_number(n) for n in _listed(raw)[:2]]
        if len(numbers) < 2 or any(n is None or math.isnan(n) for n in numbers):
            self.problems.append(Problem(where, "needs latitude and longitude"))
            return None
        return self._position(cast("float", numbers[0]), cast("float", numbers[1]), where)

    def _position(self, lat: float, lon: float, where: str) -> LatLon | None:
        if not (-90 <= lat <= 90 and -180 <= lon <= 180):
            self.problems.append(Problem(where, f"{lat:g}, {lon:g} is no latitude and longitude"))
            return None
        return LatLon(lat=lat, lon=lon)


def _mapping(raw: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}


def _listed(raw: Any) -> list[Any]:
    return cast("list[Any]", raw) if isinstance(raw, list) else []


def _number(raw: Any) -> float | None:
    """NaN for null; None for what is no number."""
    if raw is None:
        return math.nan
    return float(raw) if isinstance(raw, int | float) and not isinstance(raw, bool) else None
