"""Plans go out to other programs' files and come back; what a file cannot hold is said, and bad files are refused."""

from __future__ import annotations

import contextlib
import io
import json
import math
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofence.errors import InvalidInput
from geofence.position import LatLon
from missions.formats import Circle, Document, Frame, Step, files, load, save, to_document, to_plan
from missions.formats.document import MavCmd
from missions.plan import Drop, Hail, Hold, Item, MissionPlan, ReturnHome, TakeOff, Watch, Waypoint

HOME = LatLon(lat=30.4025264, lon=120.5415591)
RING = tuple(LatLon(lat=lat, lon=lon) for lat, lon in ((30.40, 120.53), (30.41, 120.53), (30.41, 120.55)))
EXTENDED = (".plan", ".kml", ".kmz", ".geojson", ".gpx")  # room for an extension

places = st.builds(LatLon, lat=st.floats(30.3, 30.5), lon=st.floats(120.4, 120.6))
heights = st.floats(-5.0, 110.0)
items = st.one_of(
    st.builds(Waypoint, position=places, height_m=heights, speed_mps=st.none() | st.floats(1.0, 20.0)),
    st.builds(Hold, seconds=st.floats(0.1, 600.0)),
    st.builds(Hail, message_id=st.sampled_from(["leave", "bore"]), repeat=st.integers(1, 5)),
    st.builds(Watch, position=places, height_m=heights, seconds=st.floats(0.1, 600.0)),
)


@st.composite
def plans(draw: st.DrawFn) -> MissionPlan:
    middle: list[Item] = [Waypoint(position=draw(places), height_m=30.0)]
    middle += draw(st.lists(items, max_size=8))
    if draw(st.booleans()):
        middle.append(Drop(position=draw(places), height_m=5.0, hook=draw(st.integers(1, 6))))
    return MissionPlan(
        purpose="patrol",
        drone_id="cx-2",
        home=HOME,
        home_amsl_m=8.0,
        items=(TakeOff(height_m=30.0), *middle, ReturnHome(height_m=30.0)),
    )


def _through(document: Document, suffix: str) -> Document:
    form = files.format_of(Path(f"plan{suffix}"))
    data, _ = form.write(document)
    return form.read(data)


@given(plan=plans(), suffix=st.sampled_from(EXTENDED))
def test_a_plan_comes_back_whole_from_every_format_with_room_for_it(plan: MissionPlan, suffix: str) -> None:
    back, notes = to_plan(_through(to_document(plan), suffix), drone_id="cx-2", home=HOME, home_amsl_m=8.0)
    assert back == plan
    assert notes == []


@given(plan=plans())
def test_a_waypoint_file_keeps_all_that_has_a_command(plan: MissionPlan) -> None:
    document = to_document(plan)
    back = _through(document, ".waypoints")
    assert back.steps == document.steps
    again, _ = to_plan(back, drone_id="cx-2", home=HOME, home_amsl_m=8.0)
    kept = [item for item in plan.items if not isinstance(item, Hail | Waypoint)]
    assert [item for item in again.items if not isinstance(item, Hail | Waypoint)] == kept


@given(plan=plans(), north_m=st.floats(1.0, 50.0), suffix=st.sampled_from(EXTENDED))
def test_steps_that_another_program_moved_win_over_our_own_copy(
    plan: MissionPlan, north_m: float, suffix: str
) -> None:
    """The waypoint was dragged and the file saved with our part left in it."""
    form = files.format_of(Path(f"plan{suffix}"))
    document = to_document(plan)
    moved = [
        Step(
            s.command,
            s.params,
            LatLon(lat=s.position.lat + north_m / 111_000, lon=s.position.lon),
            s.height_m,
            s.frame,
        )
        if s.position is not None
        else s
        for s in document.steps
    ]
    ours, _ = form.write(document)
    theirs, _ = form.write(Document(steps=tuple(moved), home=HOME, home_amsl_m=8.0))
    mixed = form.read(_with_our_part(ours, theirs, suffix))
    assert mixed.plan is None
    assert any("another program changed" in note.text for note in mixed.notes)
    flown = next(
        item
        for item in to_plan(mixed, drone_id="a", home=HOME, home_amsl_m=8.0)[0].items
        if isinstance(item, Waypoint)
    )
    first = next(step.position for step in moved if step.position is not None)
    assert flown.position.lat == pytest.approx(first.lat, abs=1e-7)


def _with_our_part(ours: bytes, theirs: bytes, suffix: str) -> bytes:
    if suffix in {".plan", ".geojson"}:
        return json.dumps(json.loads(theirs) | {"chaoxun": json.loads(ours)["chaoxun"]}).encode()
    if suffix == ".kmz":
        kmls = [zipfile.ZipFile(io.BytesIO(data)).read("doc.kml") for data in (ours, theirs)]
        return _with_our_part(kmls[0], kmls[1], ".kml")
    begin, end = (b"<ExtendedData>", b"</ExtendedData>") if suffix == ".kml" else (b"<extensions>", b"</extensions>")
    part = ours[ours.index(begin) : ours.index(end) + len(end)]
    if suffix == ".kml":
        return theirs.replace(b"</Document>", part + b"</Document>")
    head = ours[: ours.index(b"<rte>")]  # its root declares the namespace
    return head + theirs[theirs.index(b"<rte>") : theirs.index(b"</gpx>")] + part + b"</gpx>"


def test_fence_and_rally_points_come_back_from_a_plan_file() -> None:
    document = Document(
        steps=(Step(MavCmd.NAV_WAYPOINT, position=HOME, height_m=20.0),),
        inclusions=(RING,),
        exclusions=(RING[::-1],),
        circles=(Circle(HOME, 150.0, inclusion=False),),
        rally=((HOME, 25.0),),
    )
    back = _through(document, ".plan")
    assert (back.inclusions, back.exclusions, back.circles, back.rally) == (
        document.inclusions, document.exclusions, document.circles, document.rally,
    )  # fmt: skip
    _, notes = files.format_of(Path("a.waypoints")).write(document)
    assert {note.place for note in notes} == {"the fence", "the rally points"}


@pytest.mark.parametrize("suffix", [".kml", ".geojson"])
def test_outlines_come_back_from_a_map_file(suffix: str) -> None:
    back = _through(Document(areas=(RING,)), suffix)
    assert back.areas == (RING,)


# --- as other programs write them -------------------------------------------------------------------------

SURVEY = {
    "fileType": "Plan", "version": 1, "groundStation": "QGroundControl",
    "geoFence": {"circles": [], "polygons": [], "version": 2},
    "rallyPoints": {"points": [], "version": 2},
    "mission": {
        "version": 2, "firmwareType": 3, "vehicleType": 2, "cruiseSpeed": 15, "hoverSpeed": 5,
        "plannedHomePosition": [30.4025, 120.5416, 8],
        "items": [
            {"type": "SimpleItem", "command": 22, "frame": 3, "autoContinue": True, "doJumpId": 1,
             "params": [15, 0, 0, None, 30.4025, 120.5416, 50], "AMSLAltAboveTerrain": None, "AltitudeMode": 1},
            {"type": "ComplexItem", "complexItemType": "survey", "polygon": [[30.40, 120.53]] * 3,
             "TransectStyleComplexItem": {"version": 1, "Items": [
                 {"type": "SimpleItem", "command": 16, "frame": 3, "autoContinue": True, "doJumpId": 2,
                  "params": [0, 0, 0, None, 30.401, 120.542, 50]},
                 {"type": "SimpleItem", "command": 206, "frame": 2, "autoContinue": True, "doJumpId": 3,
                  "params": [25, 0, 1, 0, 0, 0, 0]},
                 {"type": "SimpleItem", "command": 16, "frame": 3, "autoContinue": True, "doJumpId": 4,
                  "params": [0, 0, 0, None, 30.402, 120.543, 50]}]}},
            {"type": "SimpleItem", "command": 20, "frame": 2, "autoContinue": True, "doJumpId": 5,
             "params": [0, 0, 0, 0, 0, 0, 0]},
        ],
    },
}  # fmt: skip


def test_a_survey_of_qgroundcontrol_becomes_the_waypoints_it_flies(tmp_path: Path) -> None:
    file = tmp_path / "survey.plan"
    file.write_text(json.dumps(SURVEY))
    document = load(file)
    assert document.home_amsl_m == 8.0
    plan, notes = to_plan(document, drone_id="cx-1", home=HOME, home_amsl_m=8.0)
    assert [item.type for item in plan.items] == ["take_off", "waypoint", "waypoint", "return_home"]
    assert isinstance(plan.items[0], TakeOff)
    assert plan.items[0].height_m == 50.0
    said = "\n".join(str(note) for note in notes)
    assert "the survey became the waypoints it flies" in said
    assert "MAV_CMD 206 has no place in a plan" in said


MISSION_PLANNER = """QGC WPL 110
0\t1\t0\t16\t0\t0\t0\t0\t30.4025\t120.5416\t8.12\t1
1\t0\t3\t22\t0.00000000\t0.00000000\t0.00000000\t0.00000000\t0.00000000\t0.00000000\t20.000000\t1
2\t0\t3\t178\t1.00000000\t6.00000000\t0.00000000\t0.00000000\t0.00000000\t0.00000000\t0.000000\t1
3\t0\t3\t82\t3.00000000\t0.00000000\t0.00000000\t0.00000000\t30.40100000\t120.54200000\t25.000000\t1
4\t0\t0\t16\t0.00000000\t0.00000000\t0.00000000\t0.00000000\t30.40200000\t120.54300000\t38.000000\t1
5\t0\t3\t211\t2.00000000\t0.00000000\t0.00000000\t0.00000000\t0.00000000\t0.00000000\t0.000000\t1
6\t0\t3\t20\t0.00000000\t0.00000000\t0.00000000\t0.00000000\t0.00000000\t0.00000000\t0.000000\t1
"""


def test_a_file_of_mission_planner_is_flown_as_it_says(tmp_path: Path) -> None:
    file = tmp_path / "bank.waypoints"
    file.write_bytes(MISSION_PLANNER.replace("\n", "\r\n").encode())
    plan, notes = to_plan(load(file), drone_id="cx-1", home=HOME, home_amsl_m=8.0)
    assert plan.items == (
        TakeOff(height_m=20.0),
        Waypoint(position=LatLon(lat=30.401, lon=120.542), height_m=25.0, speed_mps=6.0),
        Hold(seconds=3.0),
        Drop(position=LatLon(lat=30.402, lon=120.543), height_m=30.0, hook=2),  # 38 m above sea level
        ReturnHome(height_m=25.0),
    )
    assert any("spline" in note.text for note in notes)


def test_a_drawing_of_google_earth_is_a_way_at_a_height_to_be_given(tmp_path: Path) -> None:
    file = tmp_path / "way.kml"
    file.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark>'
        "<name>river</name><LineString><tessellate>1</tessellate><coordinates>\n 120.53,30.40,0 120.54,30.401,0 "
        "</coordinates></LineString></Placemark><Placemark><name>photo</name></Placemark></Document></kml>"
    )
    document = load(file)
    assert [step.position for step in document.steps] == [
        LatLon(lat=30.40, lon=120.53),
        LatLon(lat=30.401, lon=120.54),
    ]
    assert all(math.isnan(step.height_m) for step in document.steps)
    assert any("photo: draws nothing" in str(note) for note in document.notes)


def test_without_take_off_and_return_a_way_gets_both_and_says_so() -> None:
    steps = (Step(MavCmd.NAV_WAYPOINT, position=HOME, height_m=40.0, frame=Frame.AMSL),)
    plan, notes = to_plan(Document(steps=steps), drone_id="a", home=HOME, home_amsl_m=8.0)
    assert [item.type for item in plan.items] == ["take_off", "waypoint", "return_home"]
    assert len(notes) == 2


def test_the_same_flight_from_another_dock_keeps_its_heights_above_the_sea() -> None:
    plan = MissionPlan(
        purpose="patrol", drone_id="a", home=HOME, home_amsl_m=8.0,
        items=(TakeOff(height_m=30.0), Waypoint(position=HOME, height_m=20.0), ReturnHome(height_m=30.0)),
    )  # fmt: skip
    other, _ = to_plan(to_document(plan), drone_id="b", home=RING[0], home_amsl_m=11.0)
    assert other.home == RING[0]
    assert [other.amsl_m(i.height_m) for i in other.items if not isinstance(i, Hold | Hail)] == [38.0, 28.0, 38.0]


# --- bad files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.plan", "{", "a.plan:1: is not JSON"),
        ("a.plan", "{}", "fileType: is not 'Plan'"),
        ("a.plan", json.dumps(SURVEY).replace("30.401", "230.401"), "mission.items[1].Items[0].params"),
        ("a.waypoints", "hello", "does not begin with"),
        ("a.waypoints", "QGC WPL 110\n1\t0\t3\n", "a.waypoints:2: is not twelve numbers"),
        ("a.kml", "<kml>", "is not XML"),
        ("a.kml", "<html/>", "begins with <html>"),
        ("a.kml", '<!DOCTYPE a [<!ENTITY x "y">]><kml>&x;</kml>', "not allowed here"),
        ("a.kmz", "PK\x03\x04nothing", "damaged archive"),
        ("a.gpx", "<gpx><wpt/></gpx>", "is no GPX"),
        ("a.geojson", '{"type":"Point","coordinates":[30.4,120.5]}', "is the order right?"),
        ("a.geojson", "[]", "is no GeoJSON object"),
        ("a.shp", "x", "is no known format; known are .plan"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(tmp_path: Path, name: str, content: str, said: str) -> None:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        load(file)
    assert said in str(caught.value)
    assert name in str(caught.value)


@given(data=st.binary(max_size=200), suffix=st.sampled_from([s for f in files.FORMATS for s in f.suffixes]))
def test_any_bytes_are_read_or_refused(data: bytes, suffix: str) -> None:
    with contextlib.suppress(InvalidInput):
        files.format_of(Path(f"x{suffix}")).read(data)


@given(text=st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "mission", "items", "params", "command", "features", "geometry", "coordinates",
                         "geoFence", "polygons", "polygon", "circles", "circle", "chaoxun", "plan", "rallyPoints",
                         "points", "plannedHomePosition"]), inner, max_size=4),
    max_leaves=20))  # fmt: skip
def test_any_json_is_read_or_refused(text: object) -> None:
    for root, suffix in ((text, ".geojson"), ({"fileType": "Plan", "mission": text, "geoFence": text}, ".plan")):
        with contextlib.suppress(InvalidInput):
            files.format_of(Path(f"x{suffix}")).read(json.dumps(root).encode())


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "plan.gpx"
    folder.mkdir()
    with pytest.raises(InvalidInput, match="cannot be written"):
        save(Document(), folder)
    assert list(tmp_path.iterdir()) == [folder]
