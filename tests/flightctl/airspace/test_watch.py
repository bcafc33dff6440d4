"""A drone on its way and an aircraft that will cross: in the state, said once, kept with the incident."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from flightctl.api.views import EncounterView, StateView
from flightctl.mavlink.dialect import Codec, mavlink
from geofence.position import Enu
from tests.flightctl.response.test_gaze import Rescue, rescue


class Receiver:
    """An ADS-B receiver on the ground that hears one aircraft each second."""

    def __init__(self, there: Rescue) -> None:
        self.there = there
        self.place = Enu(0.0, 0.0)
        self.amsl_m = 0.0
        self.speed_mps = 0.0

    async def hear(self) -> None:
        """It flies west."""
        site = self.there.service.site
        endpoint = await self.there.network.open_datagrams(
            site.file.mavlink.endpoints[0].replace("udpin:", "udpout:")
        )
        codec = Codec(241, mavlink.MAV_COMP_ID_ADSB)
        while True:
            at = site.frame.to_wgs84(self.place)
            message = mavlink.MAVLink_adsb_vehicle_message(
                0x78123A, round(at.lat * 1e7), round(at.lon * 1e7), 0, round(self.amsl_m * 1000), 27000,
                round(self.speed_mps * 100), 0, b"CES2304", 1, 0, 0xBF, 1200,
            )  # fmt: skip
            assert endpoint.peer is not None
            endpoint.send(codec.encode(message), endpoint.peer)
            await asyncio.sleep(1.0)
            self.place += Enu(-self.speed_mps, 0.0)


def conflicts(state: StateView) -> list[EncounterView]:
    return [encounter for encounter in state.encounters if encounter.conflict]


@pytest.mark.parametrize(("above_m", "is_conflict"), [(20.0, True), (400.0, False)])
def test_a_predicted_conflict_is_in_the_state_and_with_the_incident(
    tmp_path: Path, above_m: float, *, is_conflict: bool
) -> None:
    async def tale(there: Rescue) -> None:
        await there.until("airborne")
        await asyncio.sleep(8.0)
        receiver = Receiver(there)
        copter = there.copter
        receiver.place = copter.position + Enu(2000.0, 0.0)
        receiver.amsl_m, receiver.speed_mps = copter.amsl_m + above_m, 60.0
        hearing = asyncio.create_task(receiver.hear())
        try:
            await asyncio.sleep(3.0)
            state = there.service.state_view()
            (other,) = state.traffic
            assert (other.key, other.name, other.drone) == ("icao:78123a", "CES2304", False)
            assert other.ground_speed_mps == pytest.approx(60.0)
            assert other.course_deg == pytest.approx(270.0)
            (nearest,) = state.encounters
            assert nearest.drone_id == there.now.drone_id
            assert 1500.0 < nearest.distance_m < 2000.0
            assert nearest.up_m == pytest.approx(above_m, abs=15.0)
            assert nearest.conflict is is_conflict
            if is_conflict:
                assert nearest.too_near_in_s is not None
                assert 15.0 < nearest.too_near_in_s < 40.0
            await asyncio.sleep(6.0)
            assert there.steps().count("traffic") == int(is_conflict)
        finally:
            hearing.cancel()
        await asyncio.sleep(35.0)
        assert not there.service.state_view().traffic

    rescue(tmp_path, tale)
