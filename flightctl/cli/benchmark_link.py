"""`chaoxun bench link`: a fleet on one UDP port, fed by another process; from a packet sent to the state changed."""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import socket
import time
from datetime import UTC, datetime
from multiprocessing.synchronize import Event

import numpy as np

from flightctl.cli.measurement import Measurement
from flightctl.clock import Clock
from flightctl.mavlink.dialect import Codec, Message, mavlink
from flightctl.transport import SocketTransports
from flightctl.vehicle import Fleet, Telemetry

VEHICLES = 250
ROUNDS_HZ = 10  # in each round every vehicle says the five messages below
MEASURED_S = 8.0
_IDLE_S = 1.5
_WARM_S = 2.0
_CLOCK_MS = 2**30  # the time of sending travels as the height in millimetres


def measure() -> list[Measurement]:
    """Loopback only; the sender is a process of its own, started and ended here."""
    context = multiprocessing.get_context("spawn")
    go, stop = context.Event(), context.Event()
    port = _free_port()
    sender = context.Process(target=_send, args=(go, stop, port), daemon=True)
    sender.start()
    try:
        return asyncio.run(_measure(go, port))
    finally:
        stop.set()
        sender.join(5.0)
        if sender.is_alive():
            sender.kill()


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000 % _CLOCK_MS  # one clock for all processes of a machine


def messages(now_ms: int) -> tuple[Message, ...]:
    """What a flying copter says, with the time of sending in it."""
    return (
        mavlink.MAVLink_global_position_int_message(
            now_ms, 304017000, 1205480000, now_ms, 20_000, 100, -50, 10, 9000
        ),
        mavlink.MAVLink_attitude_message(now_ms, 0.01, -0.02, 1.57, 0.0, 0.0, 0.0),
        mavlink.MAVLink_vfr_hud_message(3.0, 3.1, 90, 40, 28.0, 0.1),
        mavlink.MAVLink_servo_output_raw_message(0, 0, *[1500] * 8),
        mavlink.MAVLink_extended_sys_state_message(0, mavlink.MAV_LANDED_STATE_IN_AIR),
    )


def _send(go: Event, stop: Event, port_number: int) -> None:
    port = ("127.0.0.1", port_number)
    peers = [
        (Codec(number, 1), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for number in range(1, VEHICLES + 1)
    ]
    beat = mavlink.MAVLink_heartbeat_message(2, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA, 209, 4, 4, 3)
    go.wait()
    began_s = time.monotonic()
    turn = 0
    while not stop.is_set():
        for index, (codec, out) in enumerate(peers):
            # spread over the round, as vehicles of their own would be
            ahead_s = began_s + (turn + index / len(peers)) / ROUNDS_HZ - time.monotonic()
            if ahead_s > 0.002:
                stop.wait(ahead_s)
            if turn % ROUNDS_HZ == 0:
                out.sendto(codec.encode(beat), port)
            for message in messages(_now_ms()):
                out.sendto(codec.encode(message), port)
        turn += 1


async def _measure(go: Event, port: int) -> list[Measurement]:
    loop = asyncio.get_running_loop()
    fleet = Fleet(SocketTransports(), (f"udpin:127.0.0.1:{port}",), clock=Clock(loop, datetime.now(UTC)))
    running = asyncio.create_task(fleet.run())
    delays_ms: list[int] = []
    try:
        idle = await _cpu_share(_IDLE_S)
        idle_mib = _most_memory_mib()

        seen_s: dict[int, float | None] = {}

        def note(telemetry: Telemetry) -> None:
            if telemetry.position_at_s == seen_s.get(telemetry.system_id):
                return  # a heartbeat: the position is the last one's
            seen_s[telemetry.system_id] = telemetry.position_at_s
            delays_ms.append((_now_ms() - round(telemetry.amsl_m * 1000)) % _CLOCK_MS)

        for number in range(1, VEHICLES + 1):
            fleet.vehicle(number).subscribe(note)
        go.set()
        await fleet.vehicle(VEHICLES).until(lambda: fleet.vehicle(VEHICLES).online or None, 20.0)
        await asyncio.sleep(_WARM_S)
        delays_ms.clear()
        share = await _cpu_share(MEASURED_S)
        heard = len(delays_ms)
        memory_mib = _most_memory_mib()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    expected = VEHICLES * ROUNDS_HZ * MEASURED_S
    late = np.percentile(delays_ms, (50, 99)) if delays_ms else (float("nan"), float("nan"))
    bare = _bare_parse_rate()
    per_s = VEHICLES * (5 * ROUNDS_HZ + 1)
    name = f"{VEHICLES} vehicles, {5 * ROUNDS_HZ} messages/s each"
    return [
        Measurement(f"{name}: sent to state, p99", float(late[1]), "ms", 50.0, "the aim"),
        Measurement(f"{name}: sent to state, median", float(late[0]), "ms", 50.0, "the aim"),
        Measurement(f"{name}: positions heard", 100.0 * heard / expected, "%", 100.0, "all of them"),
        Measurement(f"{name}: one core", 100.0 * share, "%", 100.0 * per_s / bare, "pymavlink parsing alone"),
        Measurement(
            "one message, core time",
            1e6 * (share - idle) / max(1.0, per_s * heard / expected),
            "us",
            1e6 / bare,
            "pymavlink parsing alone",
        ),
        Measurement("one core when nothing comes", 100.0 * idle, "%", 100.0 * share, "the same under load"),
        Measurement("pymavlink, one message a datagram", bare, "a second", float(per_s), "what came"),
        Measurement("most memory of the process", memory_mib, "MiB", idle_mib, "before the first vehicle"),
    ]


def _most_memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _cpu_share(seconds: float) -> float:
    """Of one core, by this process."""
    began, used = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    return (time.process_time() - used) / (time.perf_counter() - began)


def _bare_parse_rate() -> float:
    codec, rounds = Codec(1, 1), 2000
    frames = [codec.encode(message) for _ in range(rounds) for message in messages(_now_ms())]
    parser = mavlink.MAVLink(None)
    began = time.perf_counter()
    for frame in frames:
        parser.parse_buffer(frame)
    return len(frames) / (time.perf_counter() - began)
