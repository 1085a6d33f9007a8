"""The page at `/` with its files, and the documentation of the routes and messages. All addresses in it are relative, so that it works behind a proxy below a prefix."""

from importlib import resources
from pathlib import PurePath

import jinja2
from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import HTMLResponse, JSONResponse

from mmerc.inference.export.timeline import make_script, read_part
from mmerc.model.prediction import FORMULA
from mmerc.serving.stream_schema import make_schema

STATIC_FILES = ("client.js", "docs.js", "live.js", "page.js", "page.css")
SWAGGER_FILES = ("swagger-ui-bundle.js", "swagger-ui.css")  # of the package fastapi-swagger
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}


def create_router() -> APIRouter:
    """The routes `/`, `/docs`, `/stream-schema.json` and `/static/{name}`."""
    router = APIRouter(include_in_schema=False)
    documentation, stream_schema = read_static("docs.html"), make_schema()
    template = jinja2.Environment(autoescape=True).from_string(read_static("index.html"))
    page = template.render(settings={"formula": FORMULA.pattern})
    files = {name: read_static(name) for name in STATIC_FILES}
    files |= {"timeline.js": make_script(), "timeline.css": read_part("page.css")}  # shared with `mmerc predict --html`

    @router.get("/")
    async def get_page() -> HTMLResponse:
        return HTMLResponse(page)

    @router.get("/docs")
    async def get_documentation() -> HTMLResponse:
        return HTMLResponse(documentation)

    @router.get("/stream-schema.json")
    async def get_stream_schema() -> JSONResponse:
        return JSONResponse(stream_schema, media_type="application/schema+json")

    @router.get("/static/{name}")
    async def get_file(name: str) -> Response:
        if name in SWAGGER_FILES:  # 2 MB, which are read only when they are needed
            content = (resources.files("fastapi_swagger") / "resources" / name).read_bytes()
            return Response(content, media_type=MEDIA_TYPES[PurePath(name).suffix])
        if name not in files:
            raise HTTPException(404, "there is no such file.")
        return Response(files[name], media_type=MEDIA_TYPES[PurePath(name).suffix])

    return router


def read_static(name: str) -> str:
    """A file of the page; `name` must be one of ours."""
    return (resources.files("mmerc.serving") / "static" / name).read_text(encoding="utf-8")
