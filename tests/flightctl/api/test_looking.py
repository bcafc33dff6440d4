"""What the API shows: site, state, incidents, pictures, evidence, the panel's files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from flightctl.api.openapi import openapi_text
from flightctl.incidents.model import Incident, IncidentState
from flightctl.store import StoreUnavailable
from sim.virtual_time import run_virtual
from tests.flightctl import samples
from tests.flightctl.api.conftest import ApiWorld


def ask(world: ApiWorld, body: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async def run() -> None:
        async with world.client() as client:
            await body(client)

    run_virtual(run())


def get(world: ApiWorld, path: str, **headers: str) -> httpx.Response:
    answers: list[httpx.Response] = []

    async def body(client: httpx.AsyncClient) -> None:
        answers.append(await client.get(path, headers=headers))

    ask(world, body)
    return answers[0]


def test_site_and_state_are_the_service_s_own(world: ApiWorld) -> None:
    assert get(world, "/api/v1/site").json()["id"] == "haining"
    state = get(world, "/api/v1/state").json()
    assert state["type"] == "state"
    assert [one["id"] for one in state["incidents"]] == [str(world.incident.id)]


def test_an_incident_that_left_the_state_comes_from_the_store(world: ApiWorld) -> None:
    world.face.incidents.clear()
    answer = get(world, f"/api/v1/incidents/{world.incident.id}")
    assert Incident.model_validate_json(answer.content) == world.incident


def test_an_incident_in_the_state_is_newer_than_the_store(world: ApiWorld) -> None:
    world.face.incidents[world.incident.id] = world.incident.model_copy(update={"state": IncidentState.AIRBORNE})
    assert get(world, f"/api/v1/incidents/{world.incident.id}").json()["state"] == "airborne"


def test_pages_of_incidents_name_the_next_one(world: ApiWorld) -> None:
    async def body(client: httpx.AsyncClient) -> None:
        page = (await client.get("/api/v1/incidents?limit=1")).json()
        assert [one["id"] for one in page["incidents"]] == [str(world.incident.id)]
        rest = (await client.get(f"/api/v1/incidents?limit=1&before={page['before']}")).json()
        assert rest == {"incidents": [], "before": None}

    ask(world, body)


def test_what_is_not_there_is_a_404_that_says_what(world: ApiWorld) -> None:
    for path, word in [
        (f"/api/v1/incidents/{samples.new_id(77)}", "incident"),
        ("/api/v1/cameras/cam-9/frame.jpg", "cam-9"),
        ("/api/v1/evidence/none.jpg", "none.jpg"),
        ("/api/v1/nothing", "/api/v1/nothing"),
        ("/nothing.js", "/nothing.js"),
    ]:
        answer = get(world, path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert word in answer.json()["detail"]


def test_a_camera_frame_is_never_kept_by_a_cache(world: ApiWorld) -> None:
    answer = get(world, "/api/v1/cameras/cam-1/frame.jpg?seq=7")
    assert answer.content == world.face.frames["cam-1"]
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "no-store"


def test_a_camera_without_a_picture_yet_is_a_503_to_ask_again(world: ApiWorld) -> None:
    answer = get(world, "/api/v1/cameras/cam-2/frame.jpg")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["cache-control"] == "no-store"


def test_evidence_is_served_blurred_and_by_its_kind(world: ApiWorld) -> None:
    (world.evidence_dir / "2026").mkdir()
    (world.evidence_dir / "2026" / "a.jpg").write_bytes(b"face")
    (world.evidence_dir / "2026" / "a.blurred.jpg").write_bytes(b"blocks")
    for path in ("2026/a.jpg", "2026/a.blurred.jpg"):
        answer = get(world, f"/api/v1/evidence/{path}")
        assert (answer.content, answer.headers["content-type"]) == (b"blocks", "image/jpeg")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_original_is_shown_only_when_asked_for_never_kept_and_never_a_download(world: ApiWorld) -> None:
    (world.evidence_dir / "a.jpg").write_bytes(b"face")
    (world.evidence_dir / "a.blurred.jpg").write_bytes(b"blocks")
    original = get(world, "/api/v1/evidence/a.jpg?original=true")
    assert (original.content, original.headers["cache-control"]) == (b"face", "no-store")
    saved = get(world, "/api/v1/evidence/a.jpg?download=true")
    assert saved.content == b"blocks"
    assert saved.headers["content-disposition"].startswith("attachment")
    refused = get(world, "/api/v1/evidence/a.jpg?download=true&original=true")
    assert refused.status_code == 409
    assert b"face" not in refused.content


def test_without_a_blurred_copy_nothing_is_shown_rather_than_the_original(world: ApiWorld) -> None:
    (world.evidence_dir / "a.jpg").write_bytes(b"face")
    (world.evidence_dir / ".a.blurred.jpg").write_bytes(b"half")
    for path in ("a.jpg", ".a.jpg", ".a.blurred.jpg"):
        assert get(world, f"/api/v1/evidence/{path}").status_code == 404, path


def test_a_part_of_a_clip_is_served_so_that_it_can_be_wound(world: ApiWorld) -> None:
    (world.evidence_dir / "a.blurred.webm").write_bytes(b"0123456789")
    answer = get(world, "/api/v1/evidence/a.webm", Range="bytes=4-6")
    assert (answer.status_code, answer.content) == (206, b"456")


def test_evidence_of_an_incident_is_hashed_again_and_an_altered_file_is_told(world: ApiWorld) -> None:
    alert = world.incident.alerts[0]
    path = f"cam-3/{alert.id}.webm"
    (world.evidence_dir / "cam-3").mkdir()
    (world.evidence_dir / path).write_bytes(b"film")
    evidence = alert.evidence.model_copy(update={"clip": path, "sha256": {path: hashlib.sha256(b"film").hexdigest()}})
    shown = world.incident.model_copy(update={"alerts": (alert.model_copy(update={"evidence": evidence}),)})
    world.face.incidents[shown.id] = shown
    address = f"/api/v1/incidents/{shown.id}/evidence"
    assert [one["state"] for one in get(world, address).json()["files"]] == ["ok"]
    (world.evidence_dir / path).write_bytes(b"fake")
    assert [one["state"] for one in get(world, address).json()["files"]] == ["altered"]
    assert get(world, f"/api/v1/incidents/{samples.new_id(77)}/evidence").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "../secret.jpg",
        "..%2fsecret.jpg",
        "%2e%2e/secret.jpg",
        "a/../../secret.jpg",
        "/secret.jpg",
        "link.jpg",
        "a%00.jpg",
        "x" * 300 + ".jpg",
        "notes.txt",
        ".",
        "",
    ],
)
def test_evidence_never_leaves_its_folder(world: ApiWorld, path: str) -> None:
    (world.folder / "secret.jpg").write_bytes(b"secret")
    (world.evidence_dir / "notes.txt").write_bytes(b"secret")
    (world.evidence_dir / "link.jpg").symlink_to(world.folder / "secret.jpg")
    answer = get(world, f"/api/v1/evidence/{path}")
    assert answer.status_code in {404, 307}
    assert b"secret" not in answer.content or b"secret.jpg" in answer.content


def test_health_says_ok_and_says_when_the_store_is_gone(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    assert get(world, "/api/v1/health").json()["status"] == "ok"

    async def broken(_store: object) -> None:
        raise StoreUnavailable("The store x cannot be used: the disk is full; free some space.")

    monkeypatch.setattr("flightctl.store.Store.check", broken)
    answer = get(world, "/api/v1/health")
    assert answer.status_code == 503
    assert answer.json()["status"] == "degraded"
    assert "the disk is full" in answer.json()["store"]


def test_a_panel_that_was_not_built_says_how_to_build_it(world: ApiWorld) -> None:
    answer = get(world, "/")
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert "make panel" in answer.text


def test_the_built_panel_is_asked_for_anew_and_its_hashed_assets_are_kept(world: ApiWorld) -> None:
    (world.panel_dir / "assets").mkdir(parents=True)
    (world.panel_dir / "index.html").write_text("<!doctype html>潮巡", encoding="utf-8")
    (world.panel_dir / "assets" / "map-4f3a.mjs").write_text("export {}")
    (world.panel_dir / "icon.svg").write_text("<svg/>")
    index, asset, icon = (get(world, path) for path in ("/", "/assets/map-4f3a.mjs", "/icon.svg"))
    assert "潮巡" in index.text
    assert index.headers["cache-control"] == "no-cache"
    assert "frame-ancestors 'none'" in index.headers["content-security-policy"]
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert asset.headers["content-type"].startswith("text/javascript")
    assert icon.headers["cache-control"] == "no-cache"
    for path in ("/assets/none.js", "/../chaoxun.db", "/%2e%2e/chaoxun.db", "/" + "y" * 300, "/a%00b"):
        assert get(world, path).status_code == 404, path


def test_the_committed_openapi_document_is_fresh() -> None:
    """`python -m flightctl.api.openapi > flightctl/panel/openapi.json` renews it."""
    committed = Path(__file__).parents[3] / "flightctl" / "panel" / "openapi.json"
    assert committed.read_text(encoding="utf-8") == openapi_text()


def test_the_openapi_document_is_served_and_names_problems(world: ApiWorld) -> None:
    document = json.loads(get(world, "/api/v1/openapi.json").content)
    responses = document["paths"]["/api/v1/hold"]["post"]["responses"]
    assert responses["422"]["content"].keys() == {"application/problem+json"}
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert document["paths"]["/api/v1/alerts"]["post"]["security"] == [{"APIKeyHeader": []}]
