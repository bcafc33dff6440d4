"""What can go wrong with a SITL binary.

ChaoxunError
└── SitlFailed         it cannot be used; the last lines it wrote are in the text
    ├── SitlDied       it ended by itself
    └── SitlNotReady   it runs, and a stage of coming up took too long
"""

from __future__ import annotations

from geofence.errors import ChaoxunError


class SitlFailed(ChaoxunError):
    """An autopilot process that cannot be used."""


class SitlDied(SitlFailed):
    """It ended by itself."""


class SitlNotReady(SitlFailed):
    """It did not answer, or found no position, in time."""
