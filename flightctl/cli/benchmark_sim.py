"""`chaoxun bench sim`: what simulated copters cost, with MAVLink on and all of them in the air."""

from __future__ import annotations

import asyncio
import time

import numpy as np

from flightctl.cli.measurement import Measurement
from flightctl.mavlink.dialect import Codec, mavlink
from flightctl.transport import Datagrams, Peer
from geofence.position import Enu, LatLon, LocalFrame

COPTERS = 100
_SECONDS = 10.0
_STREAMS_HZ = {  # 17 messages a second, as the real SITL was measured with
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 5,
    mavlink.MAVLINK_MSG_ID_ATTITUDE: 5,
    mavlink.MAVLINK_MSG_ID_VFR_HUD: 2,
    mavlink.MAVLINK_MSG_ID_SERVO_OUTPUT_RAW: 2,
    mavlink.MAVLINK_MSG_ID_SYS_STATUS: 1,
    mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: 1,
    mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT: 1,
}
_REAL_SITL_SHARE = 3.0  # % of a core an instance at speed-up 1; 119 x real time at most (ArduCopter 4.7-dev, 2025-07)
_REAL_SITL_FASTEST = 119.0


def measure() -> list[Measurement]:
    from sim.virtual_time import run_virtual

    many = run_virtual(_fly(COPTERS))
    one = run_virtual(_fly(1))
    share = 100.0 * many / COPTERS
    return [
        Measurement(f"{COPTERS} copters airborne, of one core in real time", 100.0 * many, "%", 100.0, "the aim"),
        Measurement("copters that one core's time is enough for", COPTERS / many, "copters", 100.0, "the aim"),
        Measurement("one of them", share, "% of a core", _REAL_SITL_SHARE, "a real SITL, measured elsewhere"),
        Measurement(
            "a copter alone, virtual seconds a processor second",
            1.0 / one,
            "times",
            _REAL_SITL_FASTEST,
            "a real SITL's most",
        ),
    ]


async def _fly(count: int) -> float:
    """Processor seconds per simulated second, all in the air and streaming."""
    from sim.copter import Environment, SimCopter
    from sim.memory_links import MemoryNetwork

    home = LatLon(lat=30.4017, lon=120.5480)
    frame = LocalFrame(home)
    network = MemoryNetwork()
    ground = await network.open_datagrams("udpin:127.0.0.1:14550")
    windy = Environment(wind_east_mps=4.0, surface_amsl_m=8.0)
    copters = [
        SimCopter(
            system_id=number,
            home=frame.to_wgs84(Enu(5.0 * number, 0.0)),
            home_amsl_m=8.0,
            heading_deg=180.0,
            frame=frame,
            rng=np.random.default_rng(number),
            booted_for_s=100.0,
        )
        for number in range(1, count + 1)
    ]
    tasks = [
        asyncio.create_task(copter.run(network, "udpout:127.0.0.1:14550", lambda _place, _height: windy))
        for copter in copters
    ]
    heard = [0]
    listening = asyncio.create_task(_order_up(ground, count, heard))
    try:
        await asyncio.sleep(25.0)
        assert all(copter.state.height_m > 15.0 for copter in copters), "they did not take off"
        used, before = time.process_time(), heard[0]
        await asyncio.sleep(_SECONDS)
        spent_s = time.process_time() - used
        assert heard[0] - before > 0.9 * _SECONDS * count * sum(_STREAMS_HZ.values()), "they do not stream"
        return spent_s / _SECONDS
    finally:
        for task in (*tasks, listening):
            task.cancel()
        await asyncio.gather(*tasks, listening, return_exceptions=True)


async def _order_up(endpoint: Datagrams, count: int, heard: list[int]) -> None:
    """Asks each for its streams and sends it to 20 m; after that only receives, as cheaply as can be."""
    codec = Codec(255, 190)
    told: set[Peer] = set()
    while True:
        data, peer = await endpoint.receive()
        heard[0] += 1
        if len(told) == count or peer in told:
            continue
        number = data[5]
        told.add(peer)

        def order(command: int, *params: float, system_id: int = number, to: Peer = peer) -> None:
            filled = (*params, *(0.0,) * 7)[:7]
            message = mavlink.MAVLink_command_long_message(system_id, 1, command, 0, *filled)
            endpoint.send(codec.encode(message), to)

        for message_id, rate_hz in _STREAMS_HZ.items():
            order(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, message_id, 1e6 / rate_hz)
        order(mavlink.MAV_CMD_DO_SET_MODE, 1, 4)
        order(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1)
        loop = asyncio.get_running_loop()
        loop.call_later(1.5, order, mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, 20)
