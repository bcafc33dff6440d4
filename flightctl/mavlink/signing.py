"""MAVLink 2 signing: a key per vehicle, timestamps that outlive the process, a check that no forger can turn on us.

MAVLink guide: https://mavlink.io/en/guide/message_signing.html. pymavlink 2.4.50 notes a packet's timestamp
before it has checked its signature, so that one forged packet with a timestamp far ahead locks the true sender
out. So pymavlink only signs what goes; what comes is judged here, and nothing is noted of a packet until its
signature holds.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from flightctl.clock import Clock
from flightctl.mavlink.frames import SIGNATURE_BYTES, Frame, checksum
from geofence.errors import ChaoxunError

log = logging.getLogger(__name__)

KEY_BYTES = 32
TICKS_PER_S = 100_000  # the timestamp counts tens of microseconds
MOST_BEHIND = 60 * TICKS_PER_S  # guide: a new stream may be a minute behind, no more
MAX_TIMESTAMP = 2**48 - 1
_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
_SAVE_EVERY_S = 60.0
_SIGNED_FLAG = mavlink.MAVLINK_IFLAG_SIGNED


class SigningKeyInvalid(ChaoxunError):
    """A key file cannot be used."""


class SigningStateLost(ChaoxunError):
    """The file of the last timestamp cannot be read; starting without it would allow old packets to be replayed."""


def read_key(path: Path) -> bytes:
    """32 bytes, written as 64 hexadecimal digits. Raises SigningKeyInvalid."""
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise SigningKeyInvalid(f"{path}: a signing key is 64 hexadecimal digits in a text file ({error})") from error
    if len(key) != KEY_BYTES:
        raise SigningKeyInvalid(f"{path}: a signing key is 64 hexadecimal digits; this has {2 * len(key)}")
    return key


def timestamp_of(at: datetime) -> int:
    """Tens of microseconds since 2015, as signatures count."""
    return round((at - _EPOCH).total_seconds() * TICKS_PER_S)


class KeyRing:
    """Every vehicle's key, and the time that signatures have reached. One for all channels.

    A vehicle with a key is heard only signed; one without is heard as it comes.
    """

    def __init__(
        self, keys: Mapping[int, bytes], clock: Clock, *, link_id: int = 0, state: Path | None = None
    ) -> None:
        self.link_id = link_id
        self.refused = 0
        self._keys = dict(keys)
        self._clock = clock
        self._state = state
        self._streams: dict[tuple[int, int, int], int] = {}
        self._last = _read_state(state)

    def encoder(self, system_id: int, component_id: int) -> SigningMAVLink:
        """For one peer."""
        return SigningMAVLink(system_id, component_id, self)

    def key_of(self, system_id: int) -> bytes | None:
        return self._keys.get(system_id)

    def next_timestamp(self) -> int:
        """Always later than any that was sent or accepted, over restarts as well."""
        self._last = min(MAX_TIMESTAMP, max(timestamp_of(self._clock.now()), self._last + 1))
        return self._last

    def admits(self, frame: Frame) -> bool:
        """Whether it may be heard: signed, genuine and new if its sender has a key. Ask once for each frame."""
        key = self._keys.get(frame.system_id)
        if key is None or frame.message_id == mavlink.MAVLINK_MSG_ID_RADIO_STATUS:
            return True  # radios inject their status in a vehicle's name and hold no key
        return frame.signed and self._is_genuine(frame, key)

    def _is_genuine(self, frame: Frame, key: bytes) -> bool:
        signature = frame.raw[-SIGNATURE_BYTES:]
        genuine = hmac.compare_digest(sign(key, frame.raw[:-6]), signature[7:])
        stream = (signature[0], frame.system_id, frame.component_id)
        timestamp = int.from_bytes(signature[1:7], "little")
        known = self._streams.get(stream)
        oldest = max(timestamp_of(self._clock.now()), self._last) - MOST_BEHIND if known is None else known + 1
        if not genuine or timestamp < oldest:
            self.refused += 1
            return False
        self._streams[stream] = timestamp
        self._last = max(self._last, timestamp)
        return True

    async def keep(self) -> None:
        """Saves the time reached once a minute until cancelled, and then."""
        if self._state is None:
            return
        loop = asyncio.get_running_loop()
        try:
            while True:
                await loop.run_in_executor(None, self.save)
                await asyncio.sleep(_SAVE_EVERY_S)
        finally:
            self.save()

    def save(self) -> None:
        """A full disk is logged and tried again: signing goes on."""
        if self._state is None:
            return
        draft = self._state.with_suffix(".new")
        try:
            draft.write_text(f"{self._last}\n", encoding="ascii")
            os.replace(draft, self._state)
        except OSError as error:
            log.error("the time of MAVLink signatures was not saved to %s: %s", self._state, error)


def sign(key: bytes, signed_part: bytes) -> bytes:
    """The first 48 bits of SHA-256 over the key and the frame up to and with the timestamp."""
    return hashlib.sha256(key + signed_part).digest()[:6]


class SigningMAVLink(mavlink.MAVLink):
    """pymavlink's encoder with the key chosen by the system that is spoken to."""

    def __init__(self, system_id: int, component_id: int, ring: KeyRing) -> None:
        super().__init__(None, srcSystem=system_id, srcComponent=component_id)
        self._ring = ring
        self.signing.link_id = ring.link_id

    def prepare(self, to_system: int | None) -> None:
        """The next frame that is packed is for this system, signed if it has a key."""
        key = None if to_system is None else self._ring.key_of(to_system)
        self.signing.secret_key = key
        self.signing.sign_outgoing = key is not None
        if key is not None:
            self.signing.timestamp = self._ring.next_timestamp()


def without_signature(frame: bytes) -> bytes | None:
    """The frame as it may be kept or passed on: unsigned, and None for a SETUP_SIGNING, which holds a key."""
    if len(frame) < 10 or frame[0] != mavlink.PROTOCOL_MARKER_V2:
        return frame
    message_id = int.from_bytes(frame[7:10], "little")
    if message_id == mavlink.MAVLINK_MSG_ID_SETUP_SIGNING:
        return None
    if not frame[2] & _SIGNED_FLAG:
        return frame
    body = bytearray(frame[: -SIGNATURE_BYTES - 2])
    body[2] &= ~_SIGNED_FLAG & 0xFF
    kind = mavlink.mavlink_map.get(message_id)
    if kind is None:
        return None  # its checksum cannot be made anew
    return bytes(body) + checksum(bytes(body[1:]), kind.crc_extra)


def _read_state(path: Path | None) -> int:
    if path is None or not path.exists():
        return 0
    try:
        last = int(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise SigningStateLost(
            f"{path}: cannot read the time of the last MAVLink signature ({error}); "
            "put the file back, or delete it if all vehicles were given new keys"
        ) from error
    return min(max(0, last), MAX_TIMESTAMP)
