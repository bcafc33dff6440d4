"""Makes a scenario's faults and the duty officer's deeds happen at their time."""

from __future__ import annotations

import asyncio

from flightctl.api.face import NotFound, NotNow, ServiceFace
from sim.faults import set_fault
from sim.hardware import SimulatedHardware
from sim.scenario.load import FIRST_DRONE
from sim.scenario.model import Deed, DeedPlan, FaultPlan, Moment, Scenario
from sim.scenario.observer import Observer
from sim.scenario.record import Source

_ACTOR = "operator"
_RETRY_S = 0.5
_TRIES = 20


class Director:
    """Runs until every fault and deed has had its turn; without a service only the faults happen."""

    def __init__(
        self, scenario: Scenario, hardware: SimulatedHardware, service: ServiceFace | None, observer: Observer
    ) -> None:
        self._scenario = scenario
        self._hardware = hardware
        self._service = service
        self._observer = observer

    async def run(self) -> None:
        await self._hardware.started.wait()
        async with asyncio.TaskGroup() as group:
            for fault in self._scenario.faults:
                group.create_task(self._fault(fault))
            if self._service is not None:
                for deed in self._scenario.actions:
                    group.create_task(self._deed(deed, self._service))

    async def _until(self, at_s: float | None, when: Moment | None, after_s: float) -> None:
        if at_s is not None:
            await asyncio.sleep(max(0.0, at_s - self._hardware.at_s))
        elif when is not None:
            await self._observer.moments.wait(when)
            await asyncio.sleep(after_s)

    async def _fault(self, fault: FaultPlan) -> None:
        await self._until(fault.at_s, fault.when, fault.after_s)
        target = fault.target
        if target == FIRST_DRONE:
            await self._observer.moments.wait(Moment.AIRBORNE)
            target = self._observer.first_drone or target
        set_fault(self._hardware, fault.kind, target, broken=True)
        self._observer.log(Source.RUNNER, "fault", target, fault=fault.kind.value)
        if fault.for_s is not None:
            await asyncio.sleep(fault.for_s)
            set_fault(self._hardware, fault.kind, target, broken=False)
            self._observer.log(Source.RUNNER, "mended", target, fault=fault.kind.value)

    async def _deed(self, deed: DeedPlan, service: ServiceFace) -> None:
        await self._until(deed.at_s, deed.when, deed.after_s)
        reason = ""
        for _ in range(_TRIES):
            try:
                await self._do(deed.do, service)
            except (NotNow, NotFound) as refusal:
                reason = str(refusal)
                await asyncio.sleep(_RETRY_S)
            else:
                self._observer.log(Source.RUNNER, "deed", deed.do.value)
                return
        self._observer.log(Source.RUNNER, "deed_refused", deed.do.value, reason=reason)

    async def _do(self, deed: Deed, service: ServiceFace) -> None:
        if deed in {Deed.HOLD, Deed.RELEASE_HOLD}:
            await service.set_hold(deed is Deed.HOLD, actor=_ACTOR)
            return
        incident = self._observer.newest_open()
        if incident is None:
            raise NotNow("there is no open incident")
        match deed:
            case Deed.CONFIRM_DROP | Deed.REFUSE_DROP:
                await service.consent(incident.id, given=deed is Deed.CONFIRM_DROP, actor=_ACTOR)
            case Deed.LAUNCH:
                await service.launch(incident.id, actor=_ACTOR)
            case Deed.REJECT:
                await service.reject(incident.id, reason="rejected by the scenario", actor=_ACTOR)
            case Deed.RECALL:
                if incident.drone_id is None:
                    raise NotNow("no drone serves the incident")
                await service.recall(incident.drone_id, reason="recalled by the scenario", actor=_ACTOR)
            case _:
                raise AssertionError(deed)
