"""Links on real sockets and lines: several callers, peers that read nothing, ports that are pulled out."""

from __future__ import annotations

import asyncio
import os
import socket
import tty
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from flightctl.transport import (
    MAX_UNSENT_BYTES,
    Bytes,
    LinkUnavailable,
    SocketTransports,
    parse_address,
)


@contextmanager
def serial_line() -> Generator[tuple[int, str]]:
    """The far end's file and the name of ours."""
    far, ours = os.openpty()
    tty.setraw(far)
    name = os.ttyname(ours)
    os.close(ours)
    os.set_blocking(far, False)
    try:
        yield far, name
    finally:
        os.close(far)


async def read_exactly(stream: Bytes, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += await stream.read_some()
    return data


def test_a_port_serves_several_callers_and_each_gets_its_own_answers(free_tcp_port: int) -> None:
    async def story() -> None:
        transports = SocketTransports()
        listener = await transports.listen(f"tcpin:127.0.0.1:{free_tcp_port}")
        callers = [await transports.open_stream(f"tcp:127.0.0.1:{free_tcp_port}") for _ in range(3)]
        accepted = [await listener.accept() for _ in callers]
        for number, caller in enumerate(callers):
            caller.write(b"%d" % number)
        for stream in accepted:
            stream.write(b"you are " + await stream.read_some())
        for number, caller in enumerate(callers):
            assert await read_exactly(caller, 9) == b"you are %d" % number
        listener.close()
        with pytest.raises(LinkUnavailable, match="port is closed"):
            await listener.accept()
        for stream in (*callers, *accepted):
            stream.close()

    asyncio.run(story())


def test_a_peer_that_reads_nothing_is_cut_off_and_memory_stays_bounded(free_tcp_port: int) -> None:
    async def story() -> None:
        transports = SocketTransports()
        listener = await transports.listen(f"tcpin:127.0.0.1:{free_tcp_port}")
        deaf = socket.create_connection(("127.0.0.1", free_tcp_port))
        stream = await listener.accept()
        piece = bytes(16 * 1024)
        for _ in range(4000):  # more than any socket buffer holds
            stream.write(piece)
            assert stream.unsent_bytes <= MAX_UNSENT_BYTES + len(piece)
            if stream.dropped:
                break
        assert stream.dropped == 1
        with pytest.raises(LinkUnavailable, match="reads nothing"):
            await stream.read_some()
        stream.write(b"into the void")
        assert stream.dropped == 1
        deaf.close()
        stream.close()
        listener.close()

    asyncio.run(story())


def test_a_port_that_is_taken_is_said_so(free_tcp_port: int) -> None:
    async def story() -> None:
        transports = SocketTransports()
        listener = await transports.listen(f"tcpin:127.0.0.1:{free_tcp_port}")
        with pytest.raises(LinkUnavailable, match=f"cannot listen at tcpin:127.0.0.1:{free_tcp_port}"):
            await transports.listen(f"tcpin:127.0.0.1:{free_tcp_port}")
        listener.close()

    asyncio.run(story())


def test_a_serial_line_carries_every_byte_both_ways() -> None:
    async def story() -> None:
        with serial_line() as (far, name):
            line = await SocketTransports().open_serial(f"serial:{name}:57600")
            everything = bytes(range(256))  # no byte means anything to the line
            os.write(far, everything)
            assert await read_exactly(line, 256) == everything
            line.write(everything)
            arrived = b""
            while len(arrived) < 256:
                await asyncio.sleep(0)
                try:
                    arrived += os.read(far, 4096)
                except BlockingIOError:
                    continue
            assert arrived == everything
            line.close()
            with pytest.raises(LinkUnavailable):
                await line.read_some()

    asyncio.run(story())


def test_a_serial_line_slower_than_what_is_said_drops_the_oldest() -> None:
    async def story() -> None:
        with serial_line() as (far, name):
            line = await SocketTransports().open_serial(f"serial:{name}:57600")
            for number in range(1000):
                line.write(b"%04d" % number * 25)
            assert line.unsent_bytes <= 8 * 1024 + 100
            assert line.dropped > 900
            arrived = b""
            while not arrived.endswith(b"0999" * 25):
                await asyncio.sleep(0)
                try:
                    arrived += os.read(far, 4096)
                except BlockingIOError:
                    continue
            assert len(arrived) == (1000 - line.dropped) * 100  # whole ones only
            line.close()

    asyncio.run(story())


def test_a_serial_port_that_is_pulled_out_ends_the_stream() -> None:
    async def story() -> None:
        with serial_line() as (far, name):
            line = await SocketTransports().open_serial(f"serial:{name}:115200")
            spare = os.dup(far)
            os.close(far)
            os.close(spare)
            with pytest.raises(LinkUnavailable, match=name):
                await line.read_some()
            line.write(b"nobody")
            os.dup2(os.open(os.devnull, os.O_RDWR), far)  # for the fixture to close

    asyncio.run(story())


def test_two_programs_do_not_share_a_serial_port() -> None:
    async def story() -> None:
        with serial_line() as (_, name):
            line = await SocketTransports().open_serial(f"serial:{name}:57600")
            with pytest.raises(LinkUnavailable, match="in use by another program"):
                await SocketTransports().open_serial(f"serial:{name}:57600")
            line.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("serial:/dev/null:57600", "is no serial port"),
        ("serial:/dev/not-there:57600", "No such file"),
        ("serial:/dev/not-there:57601", "knows no rate of 57601 baud"),
    ],
)
def test_a_serial_port_that_cannot_be_used_says_why(address: str, says: str) -> None:
    async def story() -> None:
        with pytest.raises(LinkUnavailable, match=says):
            await SocketTransports().open_serial(address)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("udpin:0.0.0.0:14550", ("udpin", "0.0.0.0", 14550)),
        ("tcp:[::1]:5760", ("tcp", "::1", 5760)),
        (
            "serial:/dev/serial/by-path/pci-0:14.0-usb-0:1:921600",
            ("serial", "/dev/serial/by-path/pci-0:14.0-usb-0:1", 921600),
        ),
        ("tlog:/var/log/flight:3.tlog", ("tlog", "/var/log/flight:3.tlog", 0)),
    ],
)
def test_an_address_has_its_parts(address: str, parts: tuple[str, str, int]) -> None:
    assert parse_address(address) == parts


FORMS = "udpin:HOST:PORT, udpout:HOST:PORT, tcp:HOST:PORT, tcpin:HOST:PORT, serial:DEVICE:BAUD or tlog:PATH"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("127.0.0.1:14550", f"is not {FORMS}"),
        ("udp:127.0.0.1:14550", "is not udpin:HOST:PORT"),
        ("udpin:14550", "is not udpin:HOST:PORT"),
        ("udpin:127.0.0.1:0", "port '0' is outside 1..65535"),
        ("udpin:127.0.0.1:port", "port 'port' is outside 1..65535"),
        ("tcp:::1:5760", "an IPv6 address stands in brackets"),
        ("serial:/dev/ttyUSB0", "is not udpin:HOST:PORT"),
        ("serial:/dev/ttyUSB0:fast", "'fast' is no baud rate"),
        ("tlog:", "or tlog:PATH"),
    ],
)  # fmt: skip
def test_a_bad_address_is_one_sentence_that_says_what_may_stand_there(address: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"127|udp|tcp|serial|tlog") as raised:
        parse_address(address)
    assert says in str(raised.value)
