"""What stands between a SITL and the service: frames out of a stream, and the dock's hand on arming."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hypothesis import given
from hypothesis import strategies as st

from flightctl.mavlink.dialect import Codec, Message, mavlink
from flightctl.transport import Stream
from sim.ardupilot.frames import FrameSplitter
from sim.ardupilot.relay import Relay, refused_arming
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual

SERIAL0, ENDPOINT = "tcp:127.0.0.1:5760", "127.0.0.1:14550"


def frames(count: int) -> list[bytes]:
    codec = Codec(1, 1)
    texts = [mavlink.MAVLink_statustext_message(6, f"text {n}".encode() * (n % 5 + 1)) for n in range(count)]
    return [codec.encode(text) for text in texts]


@given(st.integers(1, 12), st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_frames_come_out_whole_however_the_stream_is_cut(count: int, cuts: list[int]) -> None:
    whole = frames(count)
    stream = b"".join(whole)
    splitter = FrameSplitter()
    found: list[bytes] = []
    at = 0
    while at < len(stream):
        size = cuts[at % len(cuts)]
        found += splitter.feed(stream[at : at + size])
        at += size
    assert found == whole


def test_signed_and_old_frames_keep_their_length_and_noise_is_left_out() -> None:
    old = bytes([0xFE, 1, 0, 1, 1, 0, 7, 0xAA, 0xBB])
    signed = bytes([0xFD, 2, 1, *range(7), 8, 9, *range(2), *range(13)])
    assert FrameSplitter().feed(b"boot text\n" + old + signed + old[:5]) == [old, signed]


def arm(param1: float) -> bytes:
    return Codec(255, 190).encode(
        mavlink.MAVLink_command_long_message(1, 1, mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 0, param1, 0, 0, 0, 0, 0, 0)
    )


def test_arming_is_refused_with_a_reason_and_disarming_is_not() -> None:
    refusal = refused_arming(Codec(1, 1), Codec(1, 1), arm(1.0), "Dock: cover closed")
    text, ack = Codec(255, 190).parse(b"".join(refusal))
    assert isinstance(text, mavlink.MAVLink_statustext_message)
    assert text.text == "Arm: Dock: cover closed"
    assert isinstance(ack, mavlink.MAVLink_command_ack_message)
    assert (ack.result, ack.target_system) == (mavlink.MAV_RESULT_FAILED, 255)
    assert refused_arming(Codec(1, 1), Codec(1, 1), arm(0.0), "Dock: cover closed") == ()


def through_a_relay(story: Callable[[Relay, Ends], Awaitable[None]]) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        ends = Ends()
        network.serve_stream(SERIAL0, ends.serve)
        ground = await network.open_datagrams(f"udpin:{ENDPOINT}")
        broken = False
        relay = Relay(1, lambda: broken)
        tasks = [
            asyncio.ensure_future(relay.run(network, SERIAL0, f"udpout:{ENDPOINT}")),
            asyncio.ensure_future(ends.listen(ground.receive)),
        ]
        await relay.connected.wait()
        await asyncio.sleep(0.1)
        ends.say = lambda data: ground.send(data, ends.peer)
        await story(relay, ends)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await network.close()

    run_virtual(main())


class Ends:
    """The autopilot at one end and the ground at the other."""

    def __init__(self) -> None:
        self.autopilot: Stream | None = None
        self.to_autopilot = b""
        self.to_ground: list[bytes] = []
        self.peer: object = "out-1"
        self.say: Callable[[bytes], None] = lambda data: None
        self.hung_up = 0

    async def serve(self, stream: Stream) -> None:
        self.autopilot = stream
        try:
            while True:
                self.to_autopilot += await stream.read_some()
        finally:
            self.hung_up += 1

    async def listen(self, receive: Callable[[], Awaitable[tuple[bytes, object]]]) -> None:
        while True:
            data, self.peer = await receive()
            self.to_ground.append(data)

    def speak(self, data: bytes) -> None:
        assert self.autopilot is not None
        self.autopilot.write(data)


def heartbeat() -> Message:
    return mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 3, 3)


def test_nothing_passes_before_it_is_opened_then_one_frame_a_datagram() -> None:
    async def story(relay: Relay, ends: Ends) -> None:
        one, two, three = frames(3)
        ends.speak(one)
        await asyncio.sleep(0.1)
        assert ends.to_ground == []
        relay.is_open = True
        ends.speak(two + three)
        await asyncio.sleep(0.1)
        assert ends.to_ground == [two, three]
        ends.say(arm(0.0))
        await asyncio.sleep(0.1)
        assert ends.to_autopilot == arm(0.0)

    through_a_relay(story)


def test_a_closed_dock_answers_arming_itself_and_lets_the_rest_through() -> None:
    async def story(relay: Relay, ends: Ends) -> None:
        relay.is_open, relay.inhibited = True, "Dock: cover closed"
        ends.say(arm(1.0))
        await asyncio.sleep(0.1)
        assert ends.to_autopilot == b""
        assert len(ends.to_ground) == 2
        beat = Codec(255, 190).encode(heartbeat())
        ends.say(beat)
        relay.inhibited = ""
        ends.say(arm(1.0))
        await asyncio.sleep(0.1)
        assert ends.to_autopilot == beat + arm(1.0)

    through_a_relay(story)


def test_it_connects_again_after_the_autopilot_hung_up() -> None:
    async def story(relay: Relay, ends: Ends) -> None:
        relay.is_open = True
        first = ends.autopilot
        assert first is not None
        first.close()
        await asyncio.sleep(1.0)
        assert ends.autopilot is not first
        (frame,) = frames(1)
        ends.speak(frame)
        await asyncio.sleep(0.1)
        assert ends.to_ground == [frame]

    through_a_relay(story)
