"""What operators and clients ask about the service itself: the model, the metrics, the health."""

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from mmerc.serving import schema
from mmerc.serving.schema import BEARER, describe, describe_refusals
from mmerc.serving.service import Service


def create_router(service: Service) -> APIRouter:
    """The routes `/v1/model`, `/metrics` and `/healthz`."""
    router = APIRouter()

    @router.get("/v1/model", dependencies=[BEARER], **describe(schema.Model, 400, 401))
    async def get_model() -> dict[str, Any]:
        """What the model was trained on, its labels, a colour for each, and the modalities that it reads."""
        return service.describe_model()

    @router.get(
        "/metrics", dependencies=[BEARER], response_class=PlainTextResponse, responses=describe_refusals(400, 401)
    )
    async def get_metrics() -> Response:
        """Counters in the text format of Prometheus."""
        metrics = service.metrics
        metrics.jobs.set(service.jobs.open_count)
        metrics.waiting_utterances.set(service.waiting_utterances)
        metrics.streams.set(service.streams)
        return Response(metrics.to_text(), media_type="text/plain; version=0.0.4")

    @router.get("/healthz")
    async def get_health() -> dict[str, str]:
        """Whether the service runs."""
        return {"status": "ok"}

    return router
