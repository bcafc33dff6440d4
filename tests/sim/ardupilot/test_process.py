"""The process that a SITL runs in: it is started, listened to, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.ardupilot.errors import SitlDied, SitlFailed
from sim.ardupilot.process import SitlProcess


def program(folder: Path, text: str) -> Path:
    path = folder / "binary"
    path.write_text("#!/bin/sh\n" + text, encoding="utf-8")
    path.chmod(0o755)
    return path


async def until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not look():  # noqa: ASYNC110 (other processes have no event)
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_program_that_ends_is_told_with_its_status_and_last_words(tmp_path: Path) -> None:
    async def story() -> None:
        path = program(tmp_path, 'echo "home is $2"\necho "bind port 5760 failed" >&2\nexit 3\n')
        process = SitlProcess("cx-1", (str(path), "--home", "30.4,120.5"), tmp_path / "work")
        await process.start()
        try:
            with pytest.raises(SitlDied, match=r"cx-1 ended with status 3;(.|\n)*home is 30.4,120.5\n.*bind port"):
                await process.died()
        finally:
            await process.stop()

    asyncio.run(story())


@pytest.mark.parametrize("stubborn", ["", "trap '' TERM\n"], ids=["asked", "made"])
def test_stop_ends_the_program_and_what_it_started(tmp_path: Path, stubborn: str) -> None:
    async def story() -> None:
        path = program(tmp_path, f"{stubborn}sleep 600 &\necho $! $$ > pids.tmp\nmv pids.tmp pids\nwait\nwait\n")
        process = SitlProcess("cx-1", (str(path),), tmp_path)
        await process.start()
        pids = tmp_path / "pids"
        await until(pids.exists)
        started = [int(pid) for pid in pids.read_text(encoding="utf-8").split()]
        assert all(map(alive, started))
        await process.stop()
        await process.stop()
        await until(lambda: not any(map(alive, started)))

    asyncio.run(story())


def test_program_ends_when_the_one_that_started_it_is_killed(tmp_path: Path) -> None:
    path = program(tmp_path, "sleep 600 &\necho $! $$ > pids.tmp\nmv pids.tmp pids\nwait\n")
    parent = (
        "import asyncio, sys, pathlib\nfrom sim.ardupilot.process import SitlProcess\n"
        "async def main():\n"
        f"    await SitlProcess('cx-1', ({str(path)!r},), pathlib.Path({str(tmp_path)!r})).start()\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )

    async def story() -> None:
        crashing = await asyncio.create_subprocess_exec(sys.executable, "-c", parent)
        pids = tmp_path / "pids"
        await until(pids.exists)
        started = [int(pid) for pid in pids.read_text(encoding="utf-8").split()]
        os.kill(crashing.pid, signal.SIGKILL)
        await crashing.wait()
        await until(lambda: not any(map(alive, started)))

    asyncio.run(story())


def test_what_is_no_program_is_refused_in_a_sentence(tmp_path: Path) -> None:
    async def story() -> None:
        with pytest.raises(SitlFailed, match="there is no program"):
            await SitlProcess("cx-1", (str(tmp_path / "none"),), tmp_path).start()
        plain = tmp_path / "plain"
        plain.write_text("no program", encoding="utf-8")
        with pytest.raises(SitlFailed, match=r"may not be executed; chmod \+x"):
            await SitlProcess("cx-1", (str(plain),), tmp_path).start()

    asyncio.run(story())
