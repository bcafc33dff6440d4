"""UTC anchored once to the event loop's own time, so that control code never reads the wall clock.

Under the virtual-time loop of the simulator the same clock jumps with the loop.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

NO_SHIFT = timedelta(0)


class Clock:
    """Seconds of the loop and the UTC that goes with them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, utc_at_anchor: datetime) -> None:
        if utc_at_anchor.tzinfo is None:
            raise ValueError("the clock's anchor must carry its zone")
        self._loop = loop
        self._anchor_s = loop.time()
        self._anchor_utc = utc_at_anchor.astimezone(UTC)

    @classmethod
    def of_wall(cls, shift: timedelta = NO_SHIFT) -> Clock:
        """Anchored to the computer's UTC; call it inside a running loop.

        `shift` plays a story of another day as if it were now; every process of the play must have the same.
        """
        return cls(asyncio.get_running_loop(), datetime.now(UTC) + shift)

    def time_s(self) -> float:
        """Monotonic seconds of the event loop."""
        return self._loop.time()

    def now(self) -> datetime:
        return self.utc(self._loop.time())

    def utc(self, loop_s: float) -> datetime:
        """The UTC of an instant given in loop seconds."""
        return self._anchor_utc + timedelta(seconds=loop_s - self._anchor_s)

    def loop_s(self, at: datetime) -> float:
        """The loop seconds of a UTC instant."""
        return self._anchor_s + (at - self._anchor_utc).total_seconds()
