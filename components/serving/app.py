"""The HTTP server's routes, an ASGI application.

    app = make_app("registry/scenes", ServeConfig())

| route | what |
|---|---|
| GET / | a page to try the model |
| POST /predict | one image file as the body; classes and probabilities |
| POST /v1/models/NAME:predict | TF Serving's REST shape |
| GET /v1/models/NAME, .../metadata | TF Serving's status and signature |
| GET /healthz, /readyz | the process lives; it takes requests |
| GET /metrics | Prometheus |
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import resources

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from components.serving import requests, shapes
from components.serving.bodies import Bodies
from components.serving.config import ServeConfig
from components.serving.metrics import CONTENT_TYPE, ServeMetrics
from components.serving.reload import Follower
from components.serving.requests import RequestError
from components.serving.service import Service

Handler = Callable[[Request], Awaitable[Response]]
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src blob: data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def make_app(model: str, config: ServeConfig) -> Starlette:
    """Loads the model and makes the application.

    Args:
      model: a registry, `<root>/<name>`, or a SavedModel.
      config: limits.

    Raises: UserError where there is no model.
    """
    metrics = ServeMetrics()
    follower = Follower(
        model,
        max_pixels=config.max_pixels,
        poll_seconds=config.poll_seconds,
        on_reload=lambda outcome: metrics.reloads.labels(outcome).inc(),
    )
    service = Service(follower, config, metrics)
    routes = _Routes(service, config, metrics).all()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with service.running():
            yield

    app = Starlette(
        routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _explain_route}
    )
    app.state.service = service
    return app


class _Routes:
    def __init__(self, service: Service, config: ServeConfig, metrics: ServeMetrics) -> None:
        self._service = service
        self._config = config
        self._metrics = metrics
        self._bodies = Bodies(
            int(config.max_request_mb * 2**20),
            int(max(config.max_request_mb, config.max_held_mb) * 2**20),
            config.timeout_seconds,
        )
        self._page = resources.files("components.serving").joinpath("page.html").read_text("utf-8")

    def all(self) -> list[Route]:
        """Every route."""
        return [
            self._route("/", self._show_page, "GET"),
            self._route("/healthz", self._health, "GET"),
            self._route("/readyz", self._readiness, "GET"),
            self._route("/metrics", self._show_metrics, "GET"),
            self._route("/predict", self._predict_one, "POST"),
            self._route("/v1/models/{name}/versions/{version:int}:predict", self._predict, "POST"),
            self._route("/v1/models/{name}:predict", self._predict, "POST"),
            self._route("/v1/models/{name}/metadata", self._metadata, "GET"),
            self._route("/v1/models/{name}/versions/{version:int}", self._status, "GET"),
            self._route("/v1/models/{name}", self._status, "GET"),
        ]

    def _route(self, path: str, handler: Handler, method: str) -> Route:
        return Route(path, self._measured(path, handler), methods=[method])

    def _measured(self, route: str, handler: Handler) -> Handler:
        """Counts and times a handler, and makes its `RequestError` an answer."""

        async def handle(request: Request) -> Response:
            started = time.perf_counter()
            try:
                with self._metrics.in_progress.track_inprogress():
                    response = await handler(request)
            except RequestError as error:
                response = JSONResponse({"error": error.message}, error.status)
                if error.status == 503:
                    response.headers["Retry-After"] = "1"
            except ClientDisconnect:
                response = Response(status_code=499)
            self._metrics.requests.labels(route, str(response.status_code)).inc()
            self._metrics.latency.labels(route).observe(time.perf_counter() - started)
            return response

        return handle

    async def _show_page(self, request: Request) -> Response:  # noqa: ARG002
        return HTMLResponse(self._page, headers=_SECURITY)

    async def _health(self, request: Request) -> Response:  # noqa: ARG002
        return JSONResponse({"status": "alive"})

    async def _readiness(self, request: Request) -> Response:  # noqa: ARG002
        ready, engine = self._service.ready, self._service.engine
        facts = {"ready": ready, "model": engine.name, "version": engine.version}
        return JSONResponse(facts, 200 if ready else 503)

    async def _show_metrics(self, request: Request) -> Response:  # noqa: ARG002
        self._service.refresh_gauges()
        return Response(self._metrics.text(), media_type=CONTENT_TYPE)

    async def _predict_one(self, request: Request) -> Response:
        kind = _content_type(request)
        if kind == "application/json" or kind in _FORMS:
            raise RequestError(
                415,
                f"the body is {kind}; send the image file itself as the body, such as "
                "curl --data-binary @photo.jpg, or JSON to /v1/models/NAME:predict",
            )
        async with self._bodies.read(request) as body:
            if not body:
                raise RequestError(400, "the body is empty; send the image file itself")
            answers = await self._service.answer([body])
        return JSONResponse(shapes.single(answers))

    async def _predict(self, request: Request) -> Response:
        self._check_model(request)
        kind = _content_type(request)
        if kind in _FORMS:
            raise RequestError(415, f"the body is {kind}; {requests.EXPECTED}")
        async with self._bodies.read(request) as body:
            # In a thread: megabytes of JSON would hold up everybody else's requests.
            parsed = await asyncio.to_thread(requests.parse_predict, body, self._config.max_images)
            answers = await self._service.answer(parsed.images)
        return JSONResponse(shapes.columns(answers) if parsed.columnar else shapes.rows(answers))

    async def _status(self, request: Request) -> Response:
        self._check_model(request)
        return JSONResponse(shapes.status(self._service.engine))

    async def _metadata(self, request: Request) -> Response:
        self._check_model(request)
        return JSONResponse(shapes.metadata(self._service.engine))

    def _check_model(self, request: Request) -> None:
        engine = self._service.engine
        name, version = request.path_params["name"], request.path_params.get("version")
        if name != engine.name:
            raise RequestError(404, f"there is no model {name!r} here; its name is {engine.name!r}")
        if version is not None and version != engine.version:
            raise RequestError(404, f"version {version} is not served; version {engine.version} is")


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _explain_route(request: Request, error: Exception) -> Response:
    """404 and 405 as JSON, with what there is instead."""
    assert isinstance(error, HTTPException)
    message = (
        f"{request.method} {request.url.path} is not served here; try POST /predict with an image "
        "file as the body, or POST /v1/models/NAME:predict"
    )
    return JSONResponse({"error": message}, error.status_code, error.headers)
