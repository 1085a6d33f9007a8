"""What operators and clients ask about the service itself: the model, the metrics, the health."""

from typing import Any

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import PlainTextResponse

from mmerc.errors import MmercError
from mmerc.serving import schema
from mmerc.serving.retention import describe_retention
from mmerc.serving.schema import BEARER, describe, describe_refusals
from mmerc.serving.service import Service


def create_router(service: Service) -> APIRouter:
    """The routes `/v1/model`, `/v1/model/reload`, `/v1/retention`, `/metrics`, `/healthz` and `/readyz`."""
    router = APIRouter()

    @router.get("/v1/model", dependencies=[BEARER], **describe(schema.Model, 400, 401))
    async def get_model() -> dict[str, Any]:
        """What the model was trained on, its labels, a colour for each, and the modalities that it reads."""
        return service.describe_model()

    @router.post("/v1/model/reload", dependencies=[BEARER], **describe(schema.Model, 400, 401, 403, 409, 500))
    async def reload_model() -> dict[str, Any]:
        """Load the model again from its folder. The earlier one serves until then."""
        if service.token is None:
            raise HTTPException(403, "only a service with a token loads its model again: start it with --token.")
        try:
            await service.load()
        except MmercError as error:
            raise HTTPException(500, f"the model was not loaded again: {error}") from error
        return service.describe_model()

    @router.get(
        "/metrics", dependencies=[BEARER], response_class=PlainTextResponse, responses=describe_refusals(400, 401)
    )
    async def get_metrics() -> Response:
        """Counters in the text format of Prometheus."""
        metrics = service.metrics
        metrics.jobs.set(service.jobs.open_count)
        metrics.waiting_utterances.set(service.threads.waiting)
        metrics.streams.set(service.streams)
        return Response(metrics.to_text(), media_type="text/plain; version=0.0.4")

    @router.get("/v1/retention", dependencies=[BEARER], **describe(schema.Retention, 400, 401))
    async def get_retention() -> dict[str, Any]:
        """What the service keeps of people, where, and how long."""
        return describe_retention(service.limits, service.store)

    @router.get("/healthz")
    async def get_health() -> dict[str, str]:
        """Whether the process answers; also while the model is loading."""
        return {"status": "ok"}

    @router.get("/readyz", **describe(schema.Status))
    async def get_readiness() -> dict[str, str]:
        """Whether requests can be served now. If not, the response is 503 and says why."""
        obstacle = service.find_obstacle()
        if obstacle:
            raise HTTPException(503, obstacle, {"Retry-After": "5"})
        return {"status": "ready"}

    return router
