"""What the service keeps of people, where, and how long; `docs/retention.md` explains it."""

import asyncio
from typing import Any

from mmerc.inference.live_segmenter import LATE_SECONDS
from mmerc.serving.job_store import JobStore
from mmerc.serving.jobs import UNREAD_SECONDS
from mmerc.serving.limits import Limits
from mmerc.serving.service import Service

SWEEP_SECONDS = 5.0  # between two searches for what has expired


def describe_retention(limits: Limits, store: JobStore | None = None) -> dict[str, Any]:
    """All that is kept, as `schema.Retention`."""
    on_disk = "" if store is None else "--state folder, encrypted" if store.cipher else "--state folder, not encrypted"
    expiry = limits.expiry_seconds
    until_read = "the first reading, or DELETE" if expiry == 0 else "DELETE"
    items = [
        ("uploads of single utterances", "temporary folder", None, "the prediction, or its failure"),
        ("recordings and transcripts", on_disk or "temporary folder", None, "the end of the job, or DELETE"),
        ("predictions and words of a recording", on_disk or "memory", expiry or UNREAD_SECONDS, until_read),
        ("words of a live stream", "memory", None, "the end of the stream"),
        ("vectors of the voices of a live stream", "memory", None, "the end of the stream"),
        ("positions and colours of the faces of a live stream", "memory", None, "the end of the stream"),
        ("sound and images of a live stream", "memory", LATE_SECONDS, "the end of the stream"),
        ("log", "stderr", None, "it has client addresses, but no words, names, files or results"),
    ]
    if expiry:
        items.insert(3, ("words of a named conversation", "memory", expiry, "DELETE"))
    return {"items": [dict(zip(("what", "where", "seconds", "until"), item, strict=True)) for item in items]}


async def sweep_regularly(service: Service) -> None:
    """Delete what has expired, also if nobody asks for anything; runs until it is cancelled."""
    while True:
        await asyncio.sleep(min(SWEEP_SECONDS, service.limits.expiry_seconds or SWEEP_SECONDS))
        service.jobs.sweep()
        service.conversations.sweep()
