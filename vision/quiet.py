"""OpenCV's video writer complains past every log level that .webm has no four-letter tags; here it is not heard."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator


@contextlib.contextmanager
def quiet_standard_error() -> Generator[None]:
    """Nothing reaches the process's standard error in this block: keep it to the one noisy call."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
