"""The root of every error Chaoxun raises on purpose, and the errors of this floor.

    ChaoxunError
    ├── InvalidInput              a file or request is wrong; carries every problem with its place
    │   ├── (flightctl) SiteInvalid, ScenarioInvalid, ...
    ├── OutOfFrame                a position is too far from the local frame's origin to be meant
    └── NoRoute                   no path exists that keeps clear of the keep-out zones

Upper floors add their own branches; each message says what happened, to which thing, and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ChaoxunError(Exception):
    """Anything Chaoxun raises on purpose. Its text is fit for a person to read."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input: where it stands and why it is refused."""

    place: str  # "docks[2].position"
    reason: str  # "latitude 230.4 is outside -90..90"
    file: str | None = None  # "site.yaml"
    line: int | None = None  # 1-based

    def __str__(self) -> str:
        where = self.place
        if self.file is not None:
            at = self.file if self.line is None else f"{self.file}:{self.line}"
            where = f"{at} {self.place}" if self.place else at
        return f"{where}: {self.reason}" if where else self.reason


class InvalidInput(ChaoxunError):
    """A file or request that cannot be taken. Nothing of it has been applied."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        if not problems:
            raise ValueError("InvalidInput needs at least one problem")
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class OutOfFrame(ChaoxunError):
    """A position lies too far from the local frame's origin."""


class NoRoute(ChaoxunError):
    """No path keeps clear of the keep-out zones."""
