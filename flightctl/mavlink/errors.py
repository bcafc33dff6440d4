"""What can go wrong between the service and a vehicle, split by what the caller can do about it.

ChaoxunError
└── MavlinkError
    ├── LinkLost                     the vehicle is not heard; its own failsafe decides now
    ├── DuplicateSystemId            two autopilots use one system id; nothing is sent to either
    ├── WrongState                   asked of a vehicle that is not in the state for it; nothing was sent
    ├── NotReady                     it did not become ready to arm in time; carries what it said
    ├── CommandError                 a command was not carried out; carries the autopilot's reason
    │   ├── CommandDenied            its values are wrong for this vehicle; do not repeat
    │   ├── CommandUnsupported       it does not know the command
    │   ├── CommandTemporarilyRejected   not now; may be asked again
    │   ├── CommandFailed            it tried or checked, and could not
    │   ├── CommandCancelled         ended before it was done
    │   └── CommandTimedOut          no answer; whether it was done is not known
    ├── FlightInterrupted            the flight went on otherwise: failsafe, pilot, disarmed, rebooted
    ├── FlightTimedOut               begun, but not completed in the time it should take
    ├── TransferFailed               mission, fence or rally points did not arrive as sent
    │   ├── TransferRefused          the autopilot refused an item or the whole
    │   └── TransferMismatch         what was read back is not what was sent
    ├── ParameterUnknown             no answer about this name
    ├── ParameterNotTaken            the value read back is another
    ├── ParametersIncomplete         the list did not come whole
    ├── NotFitted                    it has no such winch, gimbal or camera, or one that cannot do this
    ├── InUse                        another station has control of it
    ├── NotMoved                     a servo or winch took the command and did not do it
    ├── PictureMissing               taken, perhaps; its record did not come
    └── ReleaseUnconfirmed           the hook was told to open; nothing shows that it did
        └── HookJammed               the autopilot took the command and the servo stayed where it was
"""

from __future__ import annotations

from collections.abc import Sequence

from flightctl.mavlink.dialect import mavlink
from geofence.errors import ChaoxunError


class MavlinkError(ChaoxunError):
    """Anything that goes wrong with a vehicle on its link."""


class LinkLost(MavlinkError):
    """The vehicle is not heard."""


class DuplicateSystemId(MavlinkError):
    """Two autopilots answer to the same system id."""


class WrongState(MavlinkError):
    """The vehicle is not in a state in which this can be asked. Nothing was sent."""


class NotReady(MavlinkError):
    """The vehicle did not become ready to arm."""


class CommandError(MavlinkError):
    """A command was not carried out. `reasons` are the status texts that came with the refusal."""

    def __init__(self, who: str, command: str, result: str, reasons: Sequence[str] = ()) -> None:
        self.command = command
        self.result = result
        self.reasons = tuple(reasons)
        said = f": {'; '.join(self.reasons)}" if self.reasons else ""
        super().__init__(f"{who}: {command} {result}{said}")


class CommandDenied(CommandError):
    """MAV_RESULT_DENIED."""


class CommandUnsupported(CommandError):
    """MAV_RESULT_UNSUPPORTED and its kin."""


class CommandTemporarilyRejected(CommandError):
    """MAV_RESULT_TEMPORARILY_REJECTED."""


class CommandFailed(CommandError):
    """MAV_RESULT_FAILED."""


class CommandCancelled(CommandError):
    """MAV_RESULT_CANCELLED."""


class CommandTimedOut(CommandError):
    """No answer came and the vehicle's state does not show that it was done."""


class FlightInterrupted(MavlinkError):
    """The flight asked for is no longer what the vehicle does."""


class FlightTimedOut(MavlinkError):
    """Begun but not completed in time."""


class TransferFailed(MavlinkError):
    """Mission, fence or rally points did not arrive as sent, or did not come."""


class TransferRefused(TransferFailed):
    """MISSION_ACK with an error that stayed."""


class TransferMismatch(TransferFailed):
    """What the vehicle holds is not what was sent."""


class ParameterUnknown(MavlinkError):
    """The vehicle says nothing about a parameter of this name."""


class ParameterNotTaken(MavlinkError):
    """The vehicle kept another value."""


class ParametersIncomplete(MavlinkError):
    """Not every parameter of the list came."""


class NotFitted(MavlinkError):
    """There is no such thing on the vehicle: nothing answered for it in the time it may take."""


class InUse(MavlinkError):
    """Another station controls it now."""


class NotMoved(MavlinkError):
    """It accepted the command, and its own report shows that it did not do it."""


class PictureMissing(MavlinkError):
    """The camera's record of a picture did not come, though it was asked for again."""


class ReleaseUnconfirmed(MavlinkError):
    """The hook was told to open and nothing shows that it did."""


class HookJammed(ReleaseUnconfirmed):
    """The command was accepted and the servo output did not move."""


_MAV_RESULT_CANCELLED = 6  # these three are in the standard's enumeration and not in this dialect's
UNSUPPORTED_FRAME = 9
_NOT_IN_CONTROL = 10
_REFUSALS: dict[int, tuple[type[CommandError], str]] = {
    mavlink.MAV_RESULT_TEMPORARILY_REJECTED: (CommandTemporarilyRejected, "rejected for now"),
    mavlink.MAV_RESULT_DENIED: (CommandDenied, "denied"),
    mavlink.MAV_RESULT_UNSUPPORTED: (CommandUnsupported, "not supported"),
    mavlink.MAV_RESULT_COMMAND_LONG_ONLY: (CommandUnsupported, "only supported as COMMAND_LONG"),
    mavlink.MAV_RESULT_COMMAND_INT_ONLY: (CommandUnsupported, "only supported as COMMAND_INT"),
    mavlink.MAV_RESULT_FAILED: (CommandFailed, "failed"),
    UNSUPPORTED_FRAME: (CommandUnsupported, "not supported in this frame"),
    _NOT_IN_CONTROL: (CommandDenied, "denied: another station is in control"),
    _MAV_RESULT_CANCELLED: (CommandCancelled, "cancelled"),
}


def refusal(who: str, command: str, result: int, reasons: Sequence[str]) -> CommandError:
    """The typed error for a MAV_RESULT other than ACCEPTED and IN_PROGRESS."""
    kind, words = _REFUSALS.get(result, (CommandFailed, f"answered with unknown result {result}"))
    return kind(who, command, words, reasons)
