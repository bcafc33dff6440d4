"""The TCP face: one client at a time, on real loopback sockets."""

from __future__ import annotations

import asyncio

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sim.copter import SimCopter
from sim.memory_links import MemoryNetwork
from tests.sim.copter.ground import FRAME, HOME, HOME_AMSL_M, World


async def _messages(reader: asyncio.StreamReader, wanted: int) -> set[str]:
    codec = mavlink.MAVLink(None, srcSystem=255, srcComponent=190)
    codec.robust_parsing = True
    kinds: set[str] = set()
    count = 0
    async with asyncio.timeout(20):
        while count < wanted:
            for message in codec.parse_buffer(await reader.read(4096)) or []:
                kinds.add(message.get_type())
                count += message.get_type() == "HEARTBEAT"
    return kinds


def test_one_client_is_served_and_the_next_hears_only_after_it_left() -> None:
    async def story() -> None:
        copter = SimCopter(
            system_id=1,
            home=HOME,
            home_amsl_m=HOME_AMSL_M,
            heading_deg=0.0,
            frame=FRAME,
            rng=np.random.default_rng(1),
            booted_for_s=60.0,
        )
        network, world = MemoryNetwork(), World()
        port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        tasks = [
            asyncio.create_task(copter.run(network, "udpout:nobody:14550", world.around)),
            asyncio.create_task(copter.serve_tcp("127.0.0.1", 0, port.set_result)),
        ]
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", await port)
            second, other = await asyncio.open_connection("127.0.0.1", await port)
            first_byte = asyncio.create_task(second.readexactly(1))
            assert "HEARTBEAT" in await _messages(reader, 2)
            assert not first_byte.done()
            codec = mavlink.MAVLink(writer, srcSystem=255, srcComponent=190)
            codec.command_long_send(1, 1, 512, 0, 148, 0, 0, 0, 0, 0, 0)
            assert {"AUTOPILOT_VERSION", "COMMAND_ACK"} <= await _messages(reader, 1)
            writer.close()
            await writer.wait_closed()
            await first_byte
            assert "HEARTBEAT" in await _messages(second, 1)
            codec = mavlink.MAVLink(other, srcSystem=255, srcComponent=190)
            codec.command_long_send(1, 1, 246, 0, 1, 0, 0, 0, 0, 0, 0)
            async with asyncio.timeout(20):
                await second.read()  # a reboot closes the connection
            other.close()
            await other.wait_closed()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(story())
