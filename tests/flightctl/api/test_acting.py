"""What people and other systems do through the API, and how it refuses."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from flightctl.api.face import NotNow
from flightctl.api.guards import MAX_BODY_BYTES, KeyRing
from flightctl.api.problems import ProblemResponse
from flightctl.incidents.model import IncidentState
from flightctl.store import StoreUnavailable
from flightctl.transport import LinkUnavailable
from geofence.errors import OutOfFrame
from sim.virtual_time import run_virtual
from tests.flightctl import samples
from tests.flightctl.api.conftest import KEY, ApiWorld

ALERT: dict[str, Any] = {
    "kind": "fall",
    "position": {"lat": 30.402, "lon": 120.542, "sigma_m": 5.0},
    "confidence": 0.8,
    "note": "落水",
    "key": "ev-1",
}


def post(world: ApiWorld, path: str, body: Any = None, **options: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        async with world.client() as client:
            if "content" not in options:
                options["json"] = {} if body is None else body
            return await client.post(f"/api/v1/{path}", **options)

    return run_virtual(run())


def raised(world: ApiWorld, body: Any, key: str | None = KEY, query: str = "") -> httpx.Response:
    return post(world, f"alerts{query}", body, headers={} if key is None else {"X-Api-Key": key.encode()})


def test_a_person_s_orders_reach_the_service_as_the_operator(world: ApiWorld) -> None:
    one = world.incident.id
    assert post(world, "hold", {"hold": True}).json() == {"hold": True}
    assert post(world, f"incidents/{one}/consent", {"given": False}).json()["consent"] == "refused"
    assert post(world, f"incidents/{one}/launch").json()["id"] == str(one)
    assert post(world, f"incidents/{one}/reject", {"reason": "一只鸟"}).json()["state"] == "rejected"
    assert post(world, f"incidents/{one}/close", {"note": "done"}).json()["state"] == "closed"
    assert post(world, "drones/cx-1/recall", {"reason": "wind"}).json() == {"drone_id": "cx-1"}
    assert post(world, "hail", {"text": "潮水来了", "speaker_ids": ["sp-1"]}).json() == {"taken_by": ["sp-1"]}
    assert [what for what, _ in world.face.asked] == [
        "set_hold", "consent", "launch", "reject", "close", "recall", "hail",
    ]  # fmt: skip
    assert all(how["actor"] == "operator" for _, how in world.face.asked)
    assert world.face.asked[3][1]["reason"] == "一只鸟"


def test_what_cannot_be_done_now_is_a_409_with_the_reason(world: ApiWorld) -> None:
    world.face.incidents[world.incident.id] = world.incident.model_copy(update={"state": IncidentState.CLOSED})
    answer = post(world, f"incidents/{world.incident.id}/launch")
    assert answer.status_code == 409
    assert "is closed; open a new one" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (NotNow("wait"), 409),
        (OutOfFrame("far away"), 422),
        (StoreUnavailable("disk full"), 503),
        (LinkUnavailable("no link"), 503),
    ],
)
def test_each_family_of_errors_has_its_status_and_keeps_its_text(
    world: ApiWorld, failure: Exception, status: int
) -> None:
    world.face.failure = failure
    answer = post(world, "hold", {"hold": True})
    assert (answer.status_code, answer.json()["detail"]) == (status, str(failure))


def test_a_fault_of_our_own_is_a_500_that_tells_nothing_of_the_inside(world: ApiWorld) -> None:
    world.face.failure = ZeroDivisionError("secret inside")
    with capture_logs() as log:
        answer = post(world, "hold", {"hold": True})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert [(line["event"], line["exc_info"]) for line in log] == [("request failed", world.face.failure)]


def test_every_fault_of_a_request_is_named_at_its_place_and_nothing_is_done(world: ApiWorld) -> None:
    body = {"kind": "tsunami", "position": {"lat": 230.4, "lon": "east", "sigma_m": 5.0}, "colour": 1}
    answer = raised(world, body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problems = {one["place"]: one["reason"] for one in answer.json()["problems"]}
    assert problems.keys() == {"kind", "position.lat", "position.lon", "colour", "key"}
    assert problems["position.lat"] == "latitude 230.4 is outside -90..90"
    assert problems["key"] == "is missing"
    assert world.face.asked == []


@pytest.mark.parametrize(
    ("content", "place"),
    [(b"{", ""), (b"", ""), (b"[]", ""), (b"null", ""), (b'{"hold": "yes"}', "hold"), (b'{"hold": 1}', "hold")],
)
def test_a_body_that_is_not_what_is_meant_is_a_422(world: ApiWorld, content: bytes, place: str) -> None:
    answer = post(world, "hold", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert [one["place"] for one in answer.json()["problems"]] == [place]
    assert world.face.asked == []


def test_a_hail_that_nobody_could_speak_is_refused(world: ApiWorld) -> None:
    for body in (
        {"text": "hello"},
        {"text": "   ", "speaker_ids": ["sp-1"]},
        {"text": "x" * 301, "drone_id": "cx-1"},
    ):
        assert post(world, "hail", body).status_code == 422
    assert world.face.asked == []


def test_another_system_raises_an_alert_and_sees_the_whole_decision(world: ApiWorld) -> None:
    answer = raised(world, ALERT)
    assert answer.status_code == 201
    told = answer.json()
    assert told["launched"] is True
    assert told["repeated"] is False
    assert told["decision"]["candidates"][0]["drone_id"] == "cx-2"
    _, how = world.face.asked[0]
    assert (how["source"], how["test"], how["alert"].note) == ("platform", False, "落水")


def test_the_same_key_again_changes_nothing(world: ApiWorld) -> None:
    first, again = raised(world, ALERT), raised(world, ALERT)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["repeated"] is True
    assert again.json()["incident"]["id"] == first.json()["incident"]["id"]


def test_a_test_call_is_passed_on_as_one_and_never_launches(world: ApiWorld) -> None:
    told = raised(world, ALERT, query="?test=true").json()
    assert told["test"] is True
    assert told["launched"] is False
    assert told["incident"]["test"] is True
    assert told["decision"] is not None
    assert world.face.asked[0][1]["test"] is True


@pytest.mark.parametrize("key", [None, "", "wrong", KEY + " x", "schlüssel"])
def test_without_a_known_key_no_alert_is_raised(world: ApiWorld, key: str | None) -> None:
    answer = raised(world, ALERT, key)
    assert answer.status_code == 401
    assert "X-Api-Key" in answer.json()["detail"]
    assert raised(world, {}, key).status_code == 401  # nor are its faults told to a stranger
    assert world.face.asked == []


def test_a_key_may_be_given_as_its_digest() -> None:
    digest = hashlib.sha256(b"secret").hexdigest()
    ring = KeyRing({"phone": "plain", "platform": f"sha256:{digest}"})
    assert ring.source_of("secret") == "platform"
    assert ring.source_of("plain") == "phone"
    for wrong in (digest, f"sha256:{digest}"):
        with pytest.raises(ProblemResponse):
            ring.source_of(wrong)
    with pytest.raises(ValueError, match="platform is empty"):
        KeyRing({"platform": ""})
    with pytest.raises(ValueError, match="platform"):
        KeyRing({"platform": "sha256:abc"})


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://chaoxun.test"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[evil"}, 403),
        ({"Origin": "http://chaoxun.test.evil.example"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)
def test_only_our_own_pages_and_json_may_change_anything(
    world: ApiWorld, headers: dict[str, str], status: int
) -> None:
    content_type = {"Content-Type": "application/json"} | headers
    answer = post(world, "hold", content=b'{"hold": true}', headers=content_type)
    assert answer.status_code == status
    assert bool(world.face.asked) == (status == 200)


def test_a_body_over_the_limit_is_refused_also_when_it_hides_its_length(world: ApiWorld) -> None:
    large = b'{"hold": true, "x": "' + b"x" * MAX_BODY_BYTES + b'"}'

    async def pieces() -> Any:
        for start in range(0, len(large), 8192):
            yield large[start : start + 8192]

    for content in (large, pieces()):
        answer = post(world, "hold", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413
    assert world.face.asked == []


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(alphabet=st.characters(), max_size=30),
        st.sampled_from([str(samples.new_id()), "cx-1", "sp-1", "fall", "zh", "\ud800", "\x00", "1e999"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=8,
)
fields = st.sampled_from(
    ["hold", "given", "reason", "note", "text", "language", "speaker_ids", "drone_id", "incident_id", "kind",
     "position", "confidence", "key", "lat", "lon", "sigma_m"]
)  # fmt: skip
bodies = st.one_of(json_values, st.dictionaries(fields, json_values, max_size=6), st.just(ALERT))
raw_bodies = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [b"[" * 30_000, b"9" * 5000, b'{"hold": NaN}', b'{"hold": "\\ud800"}', b'{"\\ud800": 1}', b"\xff"]
    ),
)
tails = st.text(alphabet=st.characters(exclude_characters="?#/"), min_size=1, max_size=20)
places = st.sampled_from(
    [
        "hold",
        "hail",
        "alerts",
        "alerts?test=maybe",
        "incidents/{}/consent",
        "incidents/{}/reject",
        "incidents/{}/close",
        "incidents/{}/launch",
        "drones/{}/recall",
    ]
)
looks = st.sampled_from(
    [
        "incidents?limit={}",
        "incidents?before={}",
        "incidents/{}",
        "cameras/{}/frame.jpg",
        "cameras/cam-1/frame.jpg?seq={}",
        "evidence/{}",
        "{}",
    ]
)


def test_no_input_whatever_makes_the_service_fail(world: ApiWorld) -> None:
    """Hypothesis in a running app: any body, any path, never a 5xx (the 503 of a camera without picture is none)."""

    async def run() -> None:
        async with world.client() as client:
            requests: list[httpx.Request] = []

            @settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
            @given(place=places, tail=tails | st.just(str(world.incident.id)), body=bodies | raw_bodies, look=looks)
            def collect(place: str, tail: str, body: Any, look: str) -> None:
                content = body if isinstance(body, bytes) else _as_json(body)
                quoted = "".join(f"%{byte:02x}" for byte in tail.encode("utf-8", "surrogatepass"))
                headers = {"Content-Type": "application/json", "X-Api-Key": KEY}
                url = f"/api/v1/{place.format(quoted)}"
                requests.append(client.build_request("POST", url, content=content, headers=headers))
                requests.append(client.build_request("GET", f"/api/v1/{look.format(quoted)}"))

            collect()
            for request in requests:
                answer = await client.send(request)
                assert answer.status_code < 500, (request.method, request.url, request.content, answer.text)
                if answer.status_code >= 400:
                    assert answer.headers["content-type"] == "application/problem+json"
                    assert answer.json()["detail"]

    run_virtual(run())


def _as_json(value: Any) -> bytes:
    return json.dumps(value).encode()
