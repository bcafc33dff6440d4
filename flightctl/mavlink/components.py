"""The components of one vehicle: its autopilot, and the winch, gimbal or camera that answer beside it.

MAVLink guide: https://mavlink.io/en/guide/routing.html. A component is spoken to at its own id and has its own
status texts. Some autopilots speak for the things wired to them, so each service asks everybody and goes on with
whoever answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flightctl.clock import Clock
from flightctl.mavlink.command import Command, Commander
from flightctl.mavlink.conversation import Conversation, M, Sender
from flightctl.mavlink.dialect import Message, mavlink
from flightctl.mavlink.statustext import TextLog

EVERYBODY = 0  # MAV_COMP_ID_ALL
ASK_TRIES = 6  # with a fifth lost each way one question in 450 stays unanswered
ASK_S = 1.2  # for one answer
_SILENT_AFTER_S = 5.0


@dataclass(frozen=True, slots=True)
class Component:
    """One component, or everybody at once."""

    talk: Conversation
    commander: Commander

    @property
    def id(self) -> int:
        return self.talk.component_id

    @property
    def who(self) -> str:
        return self.talk.who

    async def ask(
        self,
        kind: type[M],
        *,
        number: int = 0,
        where: Callable[[M], bool] | None = None,
        tries: int = ASK_TRIES,
    ) -> M | None:
        """Requests a message until it comes; `number` says which one where there are several. None: no answer."""
        with self.talk.expect(kind, where=where) as answers:
            for _ in range(tries):
                self.commander.tell(Command(mavlink.MAV_CMD_REQUEST_MESSAGE, (kind.id, number)))
                answer = await answers.next(ASK_S)
                if answer is not None:
                    return answer
        return None


@dataclass(slots=True)
class _Heard:
    at_s: float
    type: int | None = None  # MAV_TYPE of its heartbeat


class Components:
    """Of one vehicle. `require_link` raises when nothing can be asked of it; `want_rate` keeps a message coming
    from the autopilot."""

    def __init__(
        self,
        sender: Sender,
        system_id: int,
        clock: Clock,
        autopilot: Component,
        *,
        require_link: Callable[[], None],
        want_rate: Callable[[int, float], None],
    ) -> None:
        self.autopilot = autopilot
        self.clock = clock
        self.require_link = require_link
        self.want_rate = want_rate
        self._sender = sender
        self._system_id = system_id
        self._others: dict[int, Component] = {}
        self._heard: dict[int, _Heard] = {}
        self.everybody = self._made(EVERYBODY)

    def hears(self, message_id: int) -> bool:
        """Whether anybody listens to such messages of the whole system."""
        return self.everybody.talk.hears(message_id)

    def receive(self, message: Message) -> None:
        """Every message of the system, whoever in it said it."""
        component_id = message.get_srcComponent()
        if component_id != self.autopilot.id:
            self._note(component_id, message)
            other = self._others.get(component_id)
            if other is not None:
                other.talk.deliver(message)
        self.everybody.talk.deliver(message)

    def of(self, component_id: int) -> Component:
        """The autopilot for its own id; it need not have been heard."""
        if component_id == self.autopilot.id:
            return self.autopilot
        found = self._others.get(component_id)
        if found is None:
            found = self._others[component_id] = self._made(component_id)
        return found

    def is_heard(self, component_id: int) -> bool:
        """Whether it said something lately."""
        heard = self._heard.get(component_id)
        return heard is not None and self.clock.time_s() - heard.at_s < _SILENT_AFTER_S

    def has_spoken(self, component_id: int) -> bool:
        """Whether it was ever heard: a winch stays where it is when it is silent."""
        return component_id in self._heard

    def of_type(self, mav_type: int) -> Component | None:
        """The first one heard lately whose heartbeat says this MAV_TYPE."""
        for component_id, heard in sorted(self._heard.items()):
            if heard.type == mav_type and self.is_heard(component_id):
                return self.of(component_id)
        return None

    def keep_coming(self, component: Component, message_id: int, interval_s: float) -> None:
        """Asks `component` for a message at a rate; the autopilot's is watched and asked for again."""
        if component is self.autopilot:
            self.want_rate(message_id, interval_s)
        else:
            interval = Command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, (message_id, round(interval_s * 1e6)))
            component.commander.tell(interval)

    def _note(self, component_id: int, message: Message) -> None:
        heard = self._heard.setdefault(component_id, _Heard(0.0))
        heard.at_s = self.clock.time_s()
        if isinstance(message, mavlink.MAVLink_heartbeat_message):
            heard.type = message.type

    def _made(self, component_id: int) -> Component:
        talk = Conversation(self._sender, self._system_id, self.clock)
        talk.component_id = component_id
        texts = TextLog()
        talk.on(mavlink.MAVLink_statustext_message, lambda message: texts.add(message, self.clock.time_s()))
        return Component(talk, Commander(talk, texts))
