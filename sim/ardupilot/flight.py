"""What one autopilot did on the flight script, as its ground station saw it: data only."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Text:
    severity: int
    text: str


@dataclass(slots=True)
class Step:
    """One thing asked of it, and all that came until it was done. Repeated neighbours stand once."""

    name: str
    outcome: str = ""  # what was read or answered; "done"
    failure: str = ""  # the error's class, when it ended so
    seconds: float = 0.0  # of the autopilot's time
    modes: list[str] = field(default_factory=list[str])
    acks: list[str] = field(default_factory=list[str])  # "COMPONENT_ARM_DISARM ACCEPTED"
    transfers: list[str] = field(default_factory=list[str])  # "asks 0", "ends ACCEPTED"
    reached: list[str] = field(default_factory=list[str])
    texts: list[Text] = field(default_factory=list[Text])


@dataclass(frozen=True, slots=True)
class Flight:
    """The steps in their order; the last one is the one that failed, if any did."""

    steps: tuple[Step, ...]

    def step(self, name: str) -> Step | None:
        return next((step for step in self.steps if step.name == name), None)


def add_new(heard: list[str], word: str) -> None:
    """A resent one tells nothing new."""
    if not heard or heard[-1] != word:
        heard.append(word)
