"""The routes that change something: a person's actions from the panel, and alerts from other systems."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response, Security
from fastapi.security import APIKeyHeader

from flightctl.api.face import ExternalAlert, ServiceFace
from flightctl.api.guards import KeyRing
from flightctl.api.messages import (
    AlertAnswer,
    CloseRequest,
    ConsentRequest,
    HailAnswer,
    HailRequest,
    HoldRequest,
    HoldState,
    LaunchRequest,
    Recalled,
    RecallRequest,
    RejectRequest,
)
from flightctl.incidents.model import Incident

OPERATOR = "operator"
"""Who acts from the panel; the panel has no accounts."""

_API_KEY = APIKeyHeader(name="X-Api-Key", auto_error=False, description="given out by the site's administrator")


def router(face: ServiceFace, keys: KeyRing, *, errors: dict[int | str, dict[str, Any]]) -> APIRouter:
    routes = APIRouter()

    @routes.post("/hold", tags=["act"], responses=errors)
    async def hold(order: HoldRequest) -> HoldState:
        """HOLD stops every automatic launch until it is taken back."""
        await face.set_hold(order.hold, actor=OPERATOR)
        return HoldState(hold=order.hold)

    @routes.post("/incidents/{incident_id}/consent", tags=["act"], responses=errors)
    async def consent(incident_id: UUID, word: ConsentRequest) -> Incident:
        """Gives or refuses the drop; may be said at any moment while the drone is on its way."""
        return await face.consent(incident_id, given=word.given, actor=OPERATOR)

    @routes.post("/incidents/{incident_id}/reject", tags=["act"], responses=errors)
    async def reject(incident_id: UUID, order: RejectRequest) -> Incident:
        """It was nothing: the drone comes home."""
        return await face.reject(incident_id, reason=order.reason, actor=OPERATOR)

    @routes.post("/incidents/{incident_id}/close", tags=["act"], responses=errors)
    async def close(incident_id: UUID, order: CloseRequest) -> Incident:
        """Nothing is left to do."""
        return await face.close(incident_id, note=order.note, actor=OPERATOR)

    @routes.post("/incidents/{incident_id}/launch", tags=["act"], responses=errors)
    async def launch(incident_id: UUID, order: LaunchRequest) -> Incident:
        """Orders the launch that the policy, HOLD, or a check that may be overridden, kept back."""
        return await face.launch(incident_id, actor=OPERATOR, overrides=order.overrides)

    @routes.post("/drones/{drone_id}/recall", tags=["act"], responses=errors)
    async def recall(drone_id: str, order: RecallRequest) -> Recalled:
        await face.recall(drone_id, reason=order.reason, actor=OPERATOR)
        return Recalled(drone_id=drone_id)

    @routes.post("/hail", tags=["act"], responses=errors)
    async def hail(order: HailRequest) -> HailAnswer:
        taken_by = await face.hail(
            text=order.text,
            language=order.language,
            speaker_ids=order.speaker_ids,
            drone_id=order.drone_id,
            incident_id=order.incident_id,
            actor=OPERATOR,
        )
        return HailAnswer(taken_by=taken_by)

    async def known_source(presented: Annotated[str | None, Security(_API_KEY)]) -> str:
        return keys.source_of(presented)

    @routes.post("/alerts", tags=["other systems"], status_code=201, responses={**errors, **_repeated()})
    async def raise_alert(
        alert: ExternalAlert,
        response: Response,
        source: str = Security(known_source),
        *,
        test: Annotated[bool, Query(description="shows the whole decision and never launches")] = False,
    ) -> AlertAnswer:
        """Another system raises an alert. The same key again changes nothing and is answered with 200."""
        outcome = await face.raise_alert(alert, source=source, test=test)
        if outcome.repeated:
            response.status_code = 200
        return AlertAnswer.of(outcome, test=test)

    # FastAPI registers them by decorator; naming them here tells the type checker that they are used.
    _ = (hold, consent, reject, close, launch, recall, hail, raise_alert)
    return routes


def _repeated() -> dict[int | str, dict[str, Any]]:
    return {200: {"model": AlertAnswer, "description": "The key was seen before; nothing was changed"}}
