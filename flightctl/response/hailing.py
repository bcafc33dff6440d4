"""Speaking to people: which loudspeaker reaches them, and what it says."""

from __future__ import annotations

from uuid import UUID

from flightctl.response.desk import Desk
from flightctl.site import Drone, Speaker
from flightctl.speaker.client import SpeakerRefused
from geofence.position import Enu, LocalFrame
from vision.alert import AlertKind

_MOST_SPEAKERS = 2  # more would overlap and not be understood


def speakers_for(place: Enu, speakers: tuple[Speaker, ...], frame: LocalFrame) -> tuple[Speaker, ...]:
    """The nearest bank speakers that reach the place; the nearest of all when none does."""
    by_distance = sorted(speakers, key=lambda speaker: frame.to_enu(speaker.position).distance_m(place))
    reaching = [s for s in by_distance if frame.to_enu(s.position).distance_m(place) <= s.range_m]
    return tuple(reaching[:_MOST_SPEAKERS] or by_distance[:1])


def message_for(kinds: set[AlertKind]) -> str:
    """The id of the hail that fits what was seen."""
    if kinds & {AlertKind.FALL, AlertKind.PERSON_IN_WATER}:
        return "person_in_water"
    return "leave_foreshore"


async def say_from_drone(desk: Desk, incident_id: UUID, drone: Drone, message_id: str) -> bool:
    """Whether the drone's loudspeaker took it."""
    speaker = desk.drone_speakers.get(drone.id)
    text = desk.site.file.hails.get(message_id)
    if speaker is None or text is None:
        return False
    try:
        await speaker.say(text.zh, "zh", repeat=1, incident_id=incident_id)
    except SpeakerRefused as error:
        await desk.note(incident_id, f"drone:{drone.id}", "hail_failed", str(error))
        return False
    await desk.note(incident_id, f"drone:{drone.id}", "hail_from_drone", text.zh, {"message": message_id})
    return True
