"""What a request must be before any route sees it: same origin, JSON, small; and who an API key belongs to."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flightctl.api.problems import ProblemDocument, ProblemResponse, problem_response

MAX_BODY_BYTES = 64 * 1024
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def same_origin(headers: Headers, allowed: frozenset[str] = frozenset()) -> bool:
    """True when no browser sent it (no Origin), or a page of this very host (or of an allowed one) did."""
    origin = headers.get("origin")
    if origin is None or origin in allowed:
        return True
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        return False
    return bool(host) and host.lower() == headers.get("host", "").lower()


class RequestGuard:
    """ASGI middleware for state-changing requests: Origin, content type, size. The body is read here, once."""

    def __init__(self, app: ASGIApp, *, allowed_origins: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._allowed_origins = allowed_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in _CHANGING:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refused = self._refusal(headers)
        body = b""
        if refused is None:
            whole = await _read(receive)
            if whole is None:
                refused = _too_large()
            else:
                body = whole
        if refused is not None:
            await problem_response(refused)(scope, receive, send)
            return
        sent = False

        async def replay() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    def _refusal(self, headers: Headers) -> ProblemDocument | None:
        if not same_origin(headers, self._allowed_origins):
            return ProblemDocument(
                status=403,
                title="Foreign origin",
                detail=f"Requests from pages of {headers.get('origin')} are refused; open the panel of this service.",
            )
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return ProblemDocument(
                status=415,
                title="Not JSON",
                detail="Send the header Content-Type: application/json and a JSON body; {} says nothing more.",
            )
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > MAX_BODY_BYTES:
            return _too_large()
        return None


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or None when it is over the limit."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _too_large() -> ProblemDocument:
    return ProblemDocument(
        status=413,
        title="Request too large",
        detail=f"A request body may have {MAX_BODY_BYTES // 1024} KiB; send less.",
    )


class KeyRing:
    """Which source an API key belongs to. Keys are given plain or as `sha256:<hex>`; only digests are kept."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._digests: dict[str, bytes] = {}
        for source, key in keys.items():
            if not key:
                raise ValueError(f"the API key of {source} is empty")
            hashed = key.removeprefix("sha256:")
            self._digests[source] = hashlib.sha256(key.encode()).digest() if hashed == key else bytes.fromhex(hashed)

    def source_of(self, presented: str | None) -> str:
        """The source's name. Raises ProblemResponse 401; compares in constant time over all keys."""
        if not presented:
            raise _unauthorised("Send the key of your system in the header X-Api-Key.")
        digest = hashlib.sha256(presented.encode("utf-8", "surrogateescape")).digest()
        owner: str | None = None
        for source, known in self._digests.items():
            if hmac.compare_digest(digest, known):
                owner = source
        if owner is None:
            raise _unauthorised("The key in X-Api-Key is not known here; ask the administrator of this site for one.")
        return owner


def _unauthorised(detail: str) -> ProblemResponse:
    return ProblemResponse(401, "Key missing or unknown", detail, {"WWW-Authenticate": "ApiKey"})
