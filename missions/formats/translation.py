"""Between our typed plans and the steps that other programs know.

What has no step (a message spoken from the air) goes into the file as an extension where the format has room for
one, and becomes a note where it has not.
"""

from __future__ import annotations

import math

from geofence.errors import InvalidInput, Problem
from geofence.position import LatLon
from missions.formats.document import Document, Frame, MavCmd, Note, Step
from missions.plan import Drop, Hail, Hold, Item, MissionPlan, ReturnHome, TakeOff, Watch, Waypoint

_GRIPPER_RELEASE = 0.0
_SPEED_GROUND = 1.0


def to_document(plan: MissionPlan) -> Document:
    """Steps for everybody, and the plan itself for the formats that can carry it."""
    steps: list[Step] = []
    notes: list[Note] = []
    speed: float | None = None
    for index, item in enumerate(plan.items):
        if isinstance(item, Waypoint) and item.speed_mps is not None and item.speed_mps != speed:
            speed = item.speed_mps
            steps.append(Step(MavCmd.DO_CHANGE_SPEED, (_SPEED_GROUND, speed, -1.0, 0.0)))
        match item:
            case TakeOff():
                steps.append(Step(MavCmd.NAV_TAKEOFF, height_m=item.height_m))
            case Waypoint():
                steps.append(Step(MavCmd.NAV_WAYPOINT, position=item.position, height_m=item.height_m))
            case Hold():
                steps.append(Step(MavCmd.NAV_DELAY, (item.seconds, -1.0, -1.0, -1.0)))
            case Hail():
                notes.append(Note(f"items[{index}]", "a message spoken from the air has no MAVLink command"))
            case Drop():
                steps.append(Step(MavCmd.NAV_WAYPOINT, position=item.position, height_m=item.height_m))
                steps.append(Step(MavCmd.DO_GRIPPER, (float(item.hook), _GRIPPER_RELEASE, 0.0, 0.0)))
                notes.append(
                    Note(f"items[{index}]", "the drop no longer follows the person, and asks nobody for consent")
                )
            case Watch():
                steps.append(
                    Step(MavCmd.NAV_LOITER_TIME, (item.seconds, 0.0, 0.0, 0.0), item.position, item.height_m)
                )
            case ReturnHome():
                steps.append(Step(MavCmd.NAV_RETURN_TO_LAUNCH, height_m=item.height_m))
    return Document(steps=tuple(steps), home=plan.home, home_amsl_m=plan.home_amsl_m, plan=plan, notes=tuple(notes))


def to_plan(document: Document, *, drone_id: str, home: LatLon, home_amsl_m: float) -> tuple[MissionPlan, list[Note]]:
    """A plan for one drone at its dock, and what of the file it does not hold.

    Heights above home are above this dock from now on. Raises InvalidInput when no flight can be made of it.
    """
    if document.plan is not None:
        return _at_dock(document.plan, drone_id, home, home_amsl_m), list(document.notes)
    reader = _Reader(document, home_amsl_m)
    for index, step in enumerate(document.steps):
        reader.take(index, step)
    items = reader.items
    if not any(isinstance(item, Waypoint | Drop | Watch) for item in items):
        reader.problems.append(Problem("steps", "no step of it goes anywhere"))
    if reader.problems:
        raise InvalidInput(reader.problems)
    heights = [item.height_m for item in items if isinstance(item, Waypoint | TakeOff | Watch)]
    if not isinstance(items[0], TakeOff):
        items.insert(0, TakeOff(height_m=max(heights)))
        reader.notes.append(Note("steps", f"no take-off in the file: one to {max(heights):g} m was put first"))
    if not isinstance(items[-1], ReturnHome):
        items.append(ReturnHome(height_m=max(heights)))
        reader.notes.append(Note("steps", "no return in the file: one was put last"))
    plan = MissionPlan(
        purpose="lifebuoy" if any(isinstance(item, Drop) for item in items) else "patrol",
        drone_id=drone_id,
        home=home,
        home_amsl_m=home_amsl_m,
        items=tuple(items),
    )
    return plan, [*document.notes, *reader.notes]


def _at_dock(plan: MissionPlan, drone_id: str, home: LatLon, home_amsl_m: float) -> MissionPlan:
    """The same flight from another dock, at the same heights above sea level."""
    up_m = plan.home_amsl_m - home_amsl_m
    items = [
        item if isinstance(item, Hold | Hail) else item.model_copy(update={"height_m": item.height_m + up_m})
        for item in plan.items
    ]
    return MissionPlan.model_validate(
        plan.model_dump() | {"drone_id": drone_id, "home": home, "home_amsl_m": home_amsl_m, "items": items}
    )


class _Reader:
    def __init__(self, document: Document, home_amsl_m: float) -> None:
        self.items: list[Item] = []
        self.notes: list[Note] = []
        self.problems: list[Problem] = []
        self._home_amsl_m = home_amsl_m
        planned_m = document.home_amsl_m
        if planned_m is not None and abs(planned_m - home_amsl_m) > 1.0:
            self.notes.append(
                Note(
                    "home",
                    f"was planned at {planned_m:g} m above sea level; its heights are now above {home_amsl_m:g} m",
                )
            )
        self._speed: float | None = None
        self._height_m = 0.0

    def take(self, index: int, step: Step) -> None:
        where = f"steps[{index}]"
        if self.items and isinstance(self.items[-1], ReturnHome):
            self._note(where, f"{step.name} after the return was left out")
            return
        height = self._height(where, step)
        match step.command:
            case MavCmd.NAV_TAKEOFF:
                self.items.append(TakeOff(height_m=height))
            case MavCmd.NAV_WAYPOINT | MavCmd.NAV_SPLINE_WAYPOINT if step.position is not None:
                if step.command == MavCmd.NAV_SPLINE_WAYPOINT:
                    self._note(where, "the curve of a spline is flown as straight legs")
                self.items.append(Waypoint(position=step.position, height_m=height, speed_mps=self._speed))
                self._hold(where, step.params[0])
            case MavCmd.NAV_LOITER_TIME if step.position is not None:
                self.items.append(Watch(position=step.position, height_m=height, seconds=self._seconds(where, step)))
            case MavCmd.NAV_LOITER_TIME | MavCmd.NAV_DELAY:
                self._hold(where, step.params[0])
            case MavCmd.DO_CHANGE_SPEED:
                self._speed = step.params[1] if 0 < step.params[1] <= 40 else None
            case MavCmd.DO_GRIPPER if step.params[1] == _GRIPPER_RELEASE:
                self._drop(where, int(step.params[0]) if step.params[0] >= 1 else 1)
            case MavCmd.NAV_RETURN_TO_LAUNCH:
                flown = [i.height_m for i in self.items if isinstance(i, Waypoint | TakeOff | Watch)]
                self.items.append(ReturnHome(height_m=height if step.height_m > 0 else max(flown, default=0.0)))
            case _:
                self._note(where, f"{step.name} has no place in a plan and was left out")

    def _height(self, where: str, step: Step) -> float:
        """Above the dock; the last one where the step says none."""
        if math.isnan(step.height_m):
            return self._height_m
        if step.frame is Frame.TERRAIN and step.position is not None:
            self.problems.append(
                Problem(
                    where, "its height is above the terrain, which is not known here; give it above home or sea level"
                )
            )
            return self._height_m
        height = step.height_m
        if step.frame is Frame.AMSL:
            height -= self._home_amsl_m
        if not -100 <= height <= 1000:
            self.problems.append(Problem(where, f"{height:g} m above the dock is outside -100..1000"))
            return self._height_m
        if step.position is not None or step.command == MavCmd.NAV_TAKEOFF:
            self._height_m = height
        return height

    def _seconds(self, where: str, step: Step) -> float:
        seconds = step.params[0]
        if math.isnan(seconds) or seconds < 0:
            return 0.0
        if seconds > 7200:
            self._note(where, f"{seconds:g} s were cut to 7200")
        return min(seconds, 7200.0)

    def _hold(self, where: str, seconds: float) -> None:
        if not math.isnan(seconds) and seconds > 0:
            if seconds > 7200:
                self._note(where, f"{seconds:g} s were cut to 7200")
            self.items.append(Hold(seconds=min(seconds, 7200.0)))

    def _drop(self, where: str, hook: int) -> None:
        before = self.items[-1] if self.items else None
        if not isinstance(before, Waypoint) or hook > 6:
            self._note(where, "a release that follows no waypoint, or of a hook above 6, was left out")
            return
        self.items[-1] = Drop(position=before.position, height_m=before.height_m, hook=hook)

    def _note(self, where: str, text: str) -> None:
        self.notes.append(Note(where, text))
