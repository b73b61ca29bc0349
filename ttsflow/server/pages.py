"""GET /docs: what the server answers, on a page that needs no other."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from fastapi import APIRouter, FastAPI
from starlette.responses import HTMLResponse

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>ttsflow</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 50em; margin: 2em auto }}
td {{ padding-right: 1em; vertical-align: top }}
</style>
<h1>ttsflow {version}</h1>
<p>This server speaks OpenAI's protocol. <a href="openapi.json">openapi.json</a> describes it in full.</p>
<table>
{rows}
</table>
"""


def docs_router(app: FastAPI) -> APIRouter:
    """The page about an application."""
    router = APIRouter()

    @router.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        rows = "\n".join(_rows(app.openapi()["paths"]))
        return HTMLResponse(_PAGE.format(version=escape(app.version), rows=rows))

    return router


def _rows(paths: dict[str, dict[str, dict[str, str]]]) -> Iterator[str]:
    for path, methods in paths.items():
        for method, told in methods.items():
            cells = (f"<code>{method.upper()} {escape(path)}</code>", escape(told.get("description", "")))
            yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
