"""One SITL process: started in its own folder, its words kept, ended when we end, even when we are killed.

A shell stands between: it holds our end of a pipe, and when that closes (a stop, a crash, SIGKILL) it ends the
binary and everything the binary has started.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from sim.ardupilot.errors import SitlDied, SitlFailed

_TAIL_LINES = 12
_KEPT_LINES = 400
_STOPS_WITHIN_S = 4.0
_LISTENS = "Waiting for connection"
_ENDED = "sitl-guard: ended with status"
# $! is the binary; the reader of descriptor 3 sees our end of the pipe close. 0 is the whole process group: when
# the binary has ended, nothing that it started may live on.
_GUARD = f"""\
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
(
  cat <&3; kill -TERM $child
  for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 $child || break; sleep 0.2; done
  kill -KILL 0
) >/dev/null 2>&1 &
exec 3<&-
wait $child
echo "{_ENDED} $?"
kill -KILL 0
"""


class SitlProcess:
    """`start` it once, `stop` it always. Only what it started is ever ended."""

    def __init__(self, name: str, command: Sequence[str], folder: Path) -> None:
        self.name = name
        self.folder = folder
        self._command = tuple(command)
        self._child: asyncio.subprocess.Process | None = None
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._reading: asyncio.Task[None] | None = None
        self._status: int | None = None
        self.listens = asyncio.Event()  # it said that it waits for its first client

    @property
    def pid(self) -> int | None:
        """Of the guard, which leads the process group."""
        return None if self._child is None else self._child.pid

    @property
    def tail(self) -> str:
        """The last lines it wrote, for an error's text."""
        said = list(self._lines)[-_TAIL_LINES:]
        return "it wrote:\n  " + "\n  ".join(said) if said else "it wrote nothing"

    async def start(self) -> None:
        """Raises SitlFailed when it cannot be run at all."""
        program = _program(self.name, Path(self._command[0]), self.folder)
        try:
            self._child = await asyncio.create_subprocess_exec(
                *("/bin/sh", "-c", _GUARD, "sitl", program, *self._command[1:]),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                cwd=self.folder,
                env={"CHAOXUN_PYTHON": sys.executable, **os.environ},  # for our own stand-in of a binary
                start_new_session=True,  # Ctrl-C is ours alone; and the group is what a stop ends
            )
        except OSError as error:
            raise SitlFailed(f"{self.name}: {program} cannot be started: {error.strerror or error}") from error
        self._reading = asyncio.ensure_future(self._read(self._child))

    async def died(self) -> None:
        """Raises SitlDied when it ends; waits for that."""
        assert self._child is not None
        assert self._reading is not None
        await self._child.wait()
        await self._reading
        status = self._status
        if status is None:
            how = "with its guard"
        else:
            how = f"by signal {status - 128}" if status > 128 else f"with status {status}"
        raise SitlDied(f"{self.name} ended {how}; {self.tail}")

    async def stop(self) -> None:
        """Asks it to end, and makes it end. Safe to call twice and before the start."""
        child, reading = self._child, self._reading
        if child is None or reading is None:
            return
        assert child.stdin is not None
        child.stdin.close()
        try:
            async with asyncio.timeout(_STOPS_WITHIN_S):
                await child.wait()
        except TimeoutError:
            pass
        finally:
            if child.returncode is None:  # not yet waited for, so the number is still its own
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
            await reading

    async def _read(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None
        rest = b""
        while data := await child.stdout.read(4096):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._hear(line.decode(errors="replace").rstrip())
            rest = rest[-4096:]
        self._hear(rest.decode(errors="replace").rstrip())

    def _hear(self, line: str) -> None:
        if line.startswith(_ENDED):
            self._status = int(line.removeprefix(_ENDED))
        elif line:
            if _LISTENS in line:
                self.listens.set()
            self._lines.append(line)


def _program(name: str, path: Path, folder: Path) -> str:
    """Where it is, from any folder; makes its working folder."""
    if not path.is_file():
        raise SitlFailed(f"{name}: there is no program {path}; give the path of an ArduCopter SITL")
    if not os.access(path, os.X_OK):
        raise SitlFailed(f"{name}: {path} may not be executed; chmod +x it")
    folder.mkdir(parents=True, exist_ok=True)
    return str(path.absolute())  # not resolved: the Python of an environment is a link
