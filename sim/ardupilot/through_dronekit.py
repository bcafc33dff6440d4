"""Starts a SITL by dronekit-sitl's own class, as a program of its own: it downloads, detects what the binary can
do, and leaves threads behind, all of which ends with this process and its group.

    python -P through_dronekit.py [BINARY or ""] INSTANCE DEFAULTS SPEEDUP FLAG...
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import threading
from typing import Any

_NOT_INSTALLED = "dronekit-sitl is not installed; install chaoxun[sitl]"


def main(binary: str, instance: str, defaults: str, speedup: str, *flags: str) -> int:
    tempfile.tempdir = os.getcwd()  # it makes its working folder there
    try:
        package: Any = importlib.import_module("dronekit_sitl")
    except ImportError:
        return _fail(_NOT_INSTALLED)
    sitl: Any = package.SITL(path=binary or None, instance=int(instance), defaults_filepath=defaults)
    try:
        if not binary:
            sitl.download("copter", "stable", verbose=True)
        sitl.launch(list(flags), verbose=True, await_ready=False, speedup=float(speedup))
    except Exception as error:  # it raises bare exceptions
        hint = "" if binary else "; give a binary with --binary"
        return _fail(f"dronekit-sitl: {error}{hint}")
    ended = threading.Event()
    while sitl.poll() is None:
        ended.wait(0.1)
    ended.wait(1.5)  # its readers look once a second
    return int(sitl.poll())


def _fail(text: str) -> int:
    sys.stdout.write(text + "\n")
    return 1


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # its threads would keep the interpreter
