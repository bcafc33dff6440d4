"""Being in touch with one vehicle: what it says, whether it is heard, and waiting for what it says next.

Nothing here makes it do anything: a vehicle that is found in the air, for instance after the service was
restarted, is only asked for its messages.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import TypeVar

from flightctl.clock import Clock
from flightctl.mavlink.autopilots import ARDUCOPTER, Autopilot, autopilot_of
from flightctl.mavlink.command import Command, Commander
from flightctl.mavlink.components import Component, Components
from flightctl.mavlink.conversation import Conversation, Sender, Unsubscribe
from flightctl.mavlink.dialect import Frame, mavlink
from flightctl.mavlink.errors import DuplicateSystemId, LinkLost
from flightctl.mavlink.heartbeat import LOST_AFTER_S, BootWatch
from flightctl.mavlink.message_interval import Rate, Rates
from flightctl.mavlink.mission import Transfers
from flightctl.mavlink.parameter import Parameters, is_bytewise
from flightctl.mavlink.time_sync import TimeSample, TimeSync
from flightctl.mavlink.traffic import LossMeter
from flightctl.mavlink.waiting import Bell
from flightctl.vehicle.telemetry import Fold, Telemetry

log = logging.getLogger(__name__)

T = TypeVar("T")
Listener = Callable[[Telemetry], None]

WANTED_S = {
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 0.2,
    mavlink.MAVLINK_MSG_ID_SERVO_OUTPUT_RAW: 0.25,
    mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: 0.5,
    mavlink.MAVLINK_MSG_ID_SYS_STATUS: 1.0,
    mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: 1.0,
    mavlink.MAVLINK_MSG_ID_SYSTEM_TIME: 1.0,
}
_NOTABLE = {
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT,
    mavlink.MAVLINK_MSG_ID_HEARTBEAT,
    mavlink.MAVLINK_MSG_ID_STATUSTEXT,
}
_ALWAYS_READ = {
    mavlink.MAVLINK_MSG_ID_SYSTEM_TIME,  # a reboot shows in it
    mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION,
}
_ASK_AGAIN_S = 3.0
_HOME_REFRESH_S = 30.0
_CONFLICT_S = 10.0
_OVERTAKES_S = 2.0  # longer than messages overtake each other, shorter than the sequence takes to come round


def _wanted_s(autopilot: Autopilot) -> dict[int, float]:
    return {**WANTED_S, autopilot.estimator_message: 1.0}


class Contact:
    """With one system id; exists before the vehicle is first heard, and outlives its silences."""

    def __init__(self, sender: Sender, system_id: int, clock: Clock) -> None:
        self.system_id = system_id
        self.autopilot: Autopilot = ARDUCOPTER  # until its heartbeat says otherwise
        self.uid: bytes | None = None
        self.conflict_s: float | None = None  # when a second autopilot with this id was last heard
        self.reboots = 0
        self._clock = clock
        self._fold = Fold(system_id, self.autopilot)
        self._talk = Conversation(sender, system_id, clock)
        self._commander = Commander(self._talk, self._fold.texts)
        self._parameters = Parameters(self._talk)
        self._transfers = Transfers(self._talk)
        self._rates = Rates(self._commander, _wanted_s(self.autopilot))
        self.components = Components(
            sender,
            system_id,
            clock,
            Component(self._talk, self._commander),
            require_link=self.require_link,
            want_rate=self._want_rate,
        )
        self._extra_rates_s: dict[int, float] = {}  # what the services asked for beside the usual
        self._time_sync = TimeSync(self._talk)
        self._talk.on(mavlink.MAVLink_message_interval_message, self._on_interval)
        self._loss = LossMeter()
        self._boot = BootWatch()
        self._online = False
        self._last_of: dict[int, tuple[int, float]] = {}
        self._asked_s: dict[int, float] = {}
        self._home_wanted_since_s = 0.0
        self._snapshot: Telemetry | None = None
        self._listeners: list[Listener] = []
        self._bell = Bell(clock)

    @property
    def who(self) -> str:
        return self._talk.who

    @property
    def known(self) -> bool:
        """Whether it was ever heard."""
        return self._fold.heard_s is not None

    @property
    def online(self) -> bool:
        return self._is_online(self._clock.time_s())

    def _is_online(self, now_s: float) -> bool:
        heard_s = self._fold.heard_s
        return heard_s is not None and now_s - heard_s < LOST_AFTER_S

    @property
    def conflict(self) -> bool:
        """Whether two autopilots use this system id."""
        return self.conflict_s is not None and self._clock.time_s() - self.conflict_s < _CONFLICT_S

    @property
    def telemetry(self) -> Telemetry:
        """The last of everything, as one value."""
        online = self.online
        if self._snapshot is None or self._snapshot.online != online:
            self._snapshot = self._fold.snapshot(online=online, link_loss=self._loss.ratio)
        return self._snapshot

    @property
    def rates(self) -> tuple[Rate, ...]:
        """What it is asked to send how often, and how often it comes."""
        return self._rates.measured()

    @property
    def time_sample(self) -> TimeSample | None:
        """How long a message takes there and back, and how far its clock is from ours."""
        return self._time_sync.best

    def subscribe(self, listener: Listener) -> Unsubscribe:
        """Called with the telemetry at each position and heartbeat, and when the link is lost or back."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def receive(self, frame: Frame, now_s: float) -> None:
        """Every frame of this system on its route comes through here; what nobody listens to is only counted."""
        message_id, component_id, seq = frame.message_id, frame.component_id, frame.seq
        if message_id == mavlink.MAVLINK_MSG_ID_HEARTBEAT:
            self._talk.component_id = component_id
            beat = frame.message()
            if isinstance(beat, mavlink.MAVLink_heartbeat_message):
                self._speak_as(autopilot_of(beat.autopilot))
        elif component_id != self._talk.component_id or not self._is_online(now_s):
            beside = frame.message()
            if beside is not None:
                self.components.receive(beside)
            return  # a camera of the same system; or back from silence, and its mode is not known yet
        self._loss.note(seq, now_s)
        self._rates.saw(message_id)
        newest = self._is_newest(message_id, seq, now_s)
        listened = (
            self._fold.takes(message_id)
            or self._talk.hears(message_id)
            or message_id in _ALWAYS_READ
            or self.components.hears(message_id)
        )
        message = frame.message() if listened else None
        if message is None:
            if newest:
                self._fold.heard_s = now_s
            if not self._online:
                self._came_online()
            return
        was_armed = self._fold.armed
        changed = (newest or message_id == mavlink.MAVLINK_MSG_ID_STATUSTEXT) and self._fold.take(message, now_s)
        if (
            newest
            and isinstance(message, mavlink.MAVLink_system_time_message)
            and self._boot.rebooted(message.time_boot_ms)
        ) or (
            newest
            and isinstance(message, mavlink.MAVLink_heartbeat_message)
            and self._boot.boots_again(message.system_status)
        ):
            self._on_reboot()
            changed = True
        if isinstance(message, mavlink.MAVLink_autopilot_version_message):
            said = is_bytewise(message.capabilities)
            if said is not None:
                self._parameters.bytewise = said
        if self._fold.armed and not was_armed:
            self._home_wanted_since_s = now_s  # arming moves home
        if not self._online:
            self._came_online()
        self._talk.deliver(message)
        if self.components.hears(message_id):
            self.components.receive(message)
        if changed:
            self._snapshot = None
            self._wake()
            if message_id in _NOTABLE:
                self._notify()

    def tick(self) -> None:
        """Once a second: asks for what is missing, notices silence."""
        now_s = self._clock.time_s()
        self._fold.texts.close_stale(now_s)
        if self.online:
            self._ask_for_missing(now_s)
            self._time_sync.tick(now_s)
        elif self._online:
            self._online = False
            log.warning("%s is no longer heard", self.who)
            self._wake()
            self._notify()

    async def until(self, look: Callable[[], T | None], timeout_s: float) -> T | None:
        """Looks at each change until `look` gives something; None when the time is over. `look` may raise."""
        return await self._bell.until(look, timeout_s)

    def require_link(self) -> None:
        """Raises LinkLost or DuplicateSystemId."""
        if self.conflict:
            raise DuplicateSystemId(
                f"{self.who}: two autopilots use this system id; give one of them another (MAV_SYSID)"
            )
        if not self.known:
            raise LinkLost(f"{self.who} has not been heard yet; check its link and its system id")
        if not self.online:
            silent_s = self._clock.time_s() - (self._fold.heard_s or 0.0)
            raise LinkLost(f"{self.who} has not been heard for {silent_s:.0f} s")

    def request_message(self, message_id: int) -> None:
        self._commander.tell(Command(mavlink.MAV_CMD_REQUEST_MESSAGE, (message_id,)))

    def _speak_as(self, autopilot: Autopilot) -> None:
        """Each vehicle in its autopilot's own way; another firmware may come back under the same system id."""
        if autopilot is self.autopilot:
            return
        log.info("%s runs %s", self.who, autopilot.name)
        self.autopilot = self._fold.autopilot = autopilot
        self._transfers.home_is_item_0 = autopilot.home_is_item_0
        self._parameters.bytewise = autopilot.bytewise_parameters
        self._rates = Rates(self._commander, _wanted_s(autopilot) | self._extra_rates_s)

    def _on_interval(self, message: mavlink.MAVLink_message_interval_message) -> None:
        self._rates.answered(message)  # the rates are others after a change of firmware

    def _want_rate(self, message_id: int, interval_s: float) -> None:
        self._extra_rates_s[message_id] = interval_s
        self._rates.want(message_id, interval_s)

    def _is_newest(self, message_id: int, seq: int, now_s: float) -> bool:
        """Whether it is newer than the last of its kind: a late or doubled one tells of an older state."""
        last_seq, last_s = self._last_of.get(message_id, (0, -math.inf))
        ahead = (seq - last_seq) % 256
        if now_s - last_s < _OVERTAKES_S and (ahead == 0 or ahead >= 128):
            return False
        self._last_of[message_id] = (seq, now_s)
        return True

    def _came_online(self) -> None:
        self._online = True
        log.info("%s is heard%s", self.who, " again" if self._rates_known() else "")
        self._rates.forget()  # a silence may have been a reboot
        self._ask_for_missing(self._clock.time_s())
        self._notify()

    def _rates_known(self) -> bool:
        return bool(self._asked_s)

    def _on_reboot(self) -> None:
        self.reboots += 1
        log.warning("%s has rebooted", self.who)
        self._fold.rebooted()
        self._time_sync.forget()
        self._rates.forget()
        self._asked_s.clear()

    def _ask_for_missing(self, now_s: float) -> None:
        self._rates.tick(now_s)
        if self.uid is None:
            self._ask(mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION, now_s)
        home_s = self._fold.home_s
        if home_s is None or home_s < self._home_wanted_since_s or now_s - home_s > _HOME_REFRESH_S:
            self._ask(mavlink.MAVLINK_MSG_ID_HOME_POSITION, now_s)

    def _ask(self, message_id: int, now_s: float) -> None:
        asked_s = self._asked_s.get(message_id)
        if asked_s is None or now_s - asked_s >= _ASK_AGAIN_S:
            self._asked_s[message_id] = now_s
            self.request_message(message_id)

    def _wake(self) -> None:
        self._bell.ring()

    def _notify(self) -> None:
        if self._listeners:
            telemetry = self.telemetry
            for listener in tuple(self._listeners):
                try:
                    listener(telemetry)
                except Exception:  # a fault of one listener must not silence the link
                    log.exception("a listener to %s failed", self.who)
