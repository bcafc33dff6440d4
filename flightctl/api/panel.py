"""The built panel as static files: `index.html` always asked for anew, hashed assets kept for ever."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; "
    "connect-src 'self' ws: wss:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'"
)
_HTML_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Chaoxun 潮巡</title>
<style>body{background:#0d1418;color:#d7e0e4;font:16px/1.6 system-ui,sans-serif;max-width:38rem;margin:15vh auto;
padding:0 1rem}code{background:#1b262c;padding:.1em .4em;border-radius:4px}a{color:#8fd3ff}</style></head>
<body><h1>Chaoxun 潮巡</h1>
<p>The service is running, and the panel has not been built yet. Run <code>make panel</code> in the project's folder
and load this page again.</p>
<p lang="zh">服务正在运行，但面板尚未构建。请在项目目录运行 <code>make panel</code>，然后刷新本页。</p>
<p><a href="/api/v1/state">/api/v1/state</a> · <a href="/api/v1/health">/api/v1/health</a></p></body></html>
"""


class _PanelFiles(StaticFiles):
    async def check_config(self) -> None:
        """The folder may be built after the service has started."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            response = await super().get_response(path, scope)
        except (OSError, ValueError) as error:  # a name too long for the file system, or with a zero byte
            raise HTTPException(404, "There is no such file.") from error
        # Vite puts the content's hash into the name of everything under assets/.
        kept = path.startswith("assets/") and response.status_code in {200, 304}
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if kept else "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def mount(app: FastAPI, panel_dir: Path | None) -> None:
    """Serves the panel at `/`. Mount it last: it takes every path that no route has."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    async def index() -> Response:
        page = None if panel_dir is None else panel_dir / "index.html"
        if page is None or not page.is_file():
            return HTMLResponse(_NOT_BUILT, 503, headers=_HTML_HEADERS)
        return FileResponse(page, media_type="text/html", headers=_HTML_HEADERS)

    _ = index
    app.include_router(routes)
    if panel_dir is not None:
        app.mount("/", _PanelFiles(directory=panel_dir, check_dir=False), name="panel")
