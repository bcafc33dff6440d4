"""What is looked after all the time for each open incident: urgency, the person's place, hailing, flying."""

from __future__ import annotations

from flightctl.dispatch.dispatcher import Dispatcher
from flightctl.incidents.book import IncidentBook
from flightctl.incidents.intake import Intake
from flightctl.incidents.lifecycle import happened, is_open, moved, still_watched, with_priority
from flightctl.incidents.model import Incident, IncidentState, Priority
from flightctl.incidents.priority import priority_of, raised
from flightctl.response.desk import Desk
from flightctl.speaker.bank import BankHailer
from flightctl.surroundings import Surroundings

_GONE_AFTER_S = 30.0  # nobody seen in the zone this long
_NEAR_BORE_S = 180.0  # around the front's arrival somebody unseen is not taken for gone


async def tend(
    book: IncidentBook,
    intake: Intake,
    hailer: BankHailer,
    dispatcher: Dispatcher,
    surroundings: Surroundings,
    desk: Desk,
) -> None:
    """One round over all open incidents, the most urgent first."""
    await dispatcher.settle()
    intake.forget_ended()
    now = desk.clock.now()
    for incident in book.all():
        if not is_open(incident) and incident.id in intake.casualties() and still_watched(incident, now):
            intake.keep_drift(incident)
    for incident in book.open():
        if incident.id not in intake.casualties():
            continue
        await _raise_priority(incident, book, intake, surroundings, desk)
        intake.keep_drift(book[incident.id])
        if await _over(book[incident.id], book, intake, dispatcher, surroundings, desk):
            continue
        await _hail(book[incident.id], intake, hailer, desk)
        await dispatcher.consider(book[incident.id])


async def _raise_priority(
    incident: Incident, book: IncidentBook, intake: Intake, surroundings: Surroundings, desk: Desk
) -> None:
    eta_s = surroundings.bore_eta_s(intake.casualty(incident.id).estimate().place)
    wanted = raised(incident.priority, priority_of({a.kind for a in incident.alerts}, eta_s))
    if wanted is not incident.priority:
        why = "" if eta_s is None else f"bore in {eta_s / 60:.0f} min"
        now = desk.clock.now()
        await book.update(incident.id, lambda i: with_priority(i, wanted, now, why))


async def _over(
    incident: Incident,
    book: IncidentBook,
    intake: Intake,
    dispatcher: Dispatcher,
    surroundings: Surroundings,
    desk: Desk,
) -> bool:
    """Ends a zone entry whose person has left; a person in the water is never taken for gone."""
    casualty = intake.casualty(incident.id)
    if incident.priority is Priority.P1 or casualty.in_water or dispatcher.active(incident.id) is not None:
        return False
    eta_s = surroundings.bore_eta_s(casualty.estimate().place)
    bore_near = eta_s is not None and abs(eta_s) <= _NEAR_BORE_S
    if casualty.left:
        why = "the person left the zone" + (" after the hail" if happened(incident, "hail") else "")
    elif casualty.unseen_s() > _GONE_AFTER_S and not bore_near:
        why = f"nobody seen in the zone for {_GONE_AFTER_S:.0f} s"
    else:
        return False
    now = desk.clock.now()
    await book.update(incident.id, lambda i: moved(i, IncidentState.RESOLVED, now, "vision", why))
    return True


async def _hail(incident: Incident, intake: Intake, hailer: BankHailer, desk: Desk) -> None:
    policy = desk.policy()
    if policy.hail == "auto" and hailer.due(incident, policy):
        await hailer.hail(incident, intake.casualty(incident.id).estimate().place)
