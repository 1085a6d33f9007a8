"""Recordings of conversations: each is a job, whose progress and predictions the client asks for."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, HTTPException, Path, Request, Response, UploadFile
from fastapi.responses import StreamingResponse

from mmerc.serving import schema
from mmerc.serving.jobs import Job
from mmerc.serving.schema import BEARER, describe, describe_refusals
from mmerc.serving.service import RECORDING, Recording, Service
from mmerc.serving.uploads import Uploads

POLL_SECONDS, COMMENT_SECONDS = 0.2, 15.0


def create_router(service: Service) -> APIRouter:
    """The routes `/v1/conversations`, `/v1/conversations/{id}` and `/v1/jobs/{id}`."""
    router = APIRouter(dependencies=[BEARER])

    @router.post(
        "/v1/conversations",
        status_code=202,
        **describe(schema.Accepted, 400, 401, 403, 408, 413, 415, 422, 429, status=202),
    )
    async def start_job(
        request: Request,
        recording: Annotated[UploadFile, File(description="audio or video of a conversation")],
        transcript: Annotated[
            UploadFile | None, File(description="SRT, WebVTT, CSV, or JSON of a speech recogniser")
        ] = None,
        explain: Annotated[bool, Form(description="add `influence` and `attention` to each row")] = False,
    ) -> dict[str, str]:
        """Start a job that predicts all utterances of a recording."""
        uploads = Uploads()
        try:
            file = await asyncio.to_thread(uploads.store, recording, RECORDING)
            transcript_name = ""
            if transcript is not None:
                transcript_name = (
                    await asyncio.to_thread(uploads.store_transcript, transcript, service.limits.max_transcript_bytes)
                ).name
            await asyncio.to_thread(service.check_recording, file, service.limits.max_recording_seconds)
            asked = Recording(PurePath(recording.filename or "recording").stem, transcript_name, explain)
        except BaseException:
            uploads.remove()
            raise
        job = await asyncio.to_thread(service.add_recording, asked, uploads)
        if job is None:
            raise HTTPException(429, "too many recordings are waiting: send it again later.", {"Retry-After": "30"})
        return {"id": job.id, "url": f"{request.scope.get('root_path', '')}/v1/jobs/{job.id}"}

    def find_job(id: Annotated[str, Path(max_length=64)]) -> Job:
        job = service.jobs.get(id)
        if job is None:
            raise HTTPException(404, "there is no such job, or it has expired: send the recording again.")
        return job

    FoundJob = Annotated[Job, Depends(find_job)]

    @router.get("/v1/jobs/{id}", **describe(schema.Job, 400, 401, 404, 422))
    async def get_job(job: FoundJob) -> dict[str, Any]:
        """The progress of a job, and its rows when it is done."""
        service.jobs.note_reading(job)
        return job.to_dict()

    @router.get(
        "/v1/jobs/{id}/events", response_class=StreamingResponse, responses=describe_refusals(400, 401, 404, 422)
    )
    async def follow_job(job: FoundJob) -> StreamingResponse:
        """The progress as server-sent events: `state`, `done` and `total` as JSON, at each change until the job has ended."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx would hold the events back
        return StreamingResponse(follow_progress(job), headers=headers, media_type="text/event-stream")

    @router.delete("/v1/jobs/{id}", **describe(schema.Job, 400, 401, 403, 404, 422))
    async def cancel_job(job: FoundJob) -> dict[str, Any]:
        """Cancel a job, or delete a finished one with its result. Its files are deleted at once."""
        service.jobs.cancel(job)
        return job.to_dict()

    @router.delete("/v1/conversations/{id}", status_code=204, responses=describe_refusals(400, 401, 403, 404, 422))
    async def erase_conversation(id: Annotated[str, Path(max_length=64)]) -> Response:
        """Erase a recording with its result (the ID of its job), or a conversation of single utterances (its name)."""
        erased = (service.jobs.erase(id), service.conversations.remove(id))
        if erased == (False, None):
            raise HTTPException(404, "there is no such conversation, or it was erased already.")
        return Response(status_code=204)

    return router


async def follow_progress(job: Job) -> AsyncIterator[str]:
    """Events of a job until it has ended, and a comment from time to time, so that no proxy closes the connection."""
    shown, silent_since = "", time.monotonic()
    while True:
        body = job.to_dict()
        progress = json.dumps({name: body[name] for name in ("state", "done", "total")})
        if progress != shown:
            shown, silent_since = progress, time.monotonic()
            yield f"data: {progress}\n\n"
        if body["state"] not in ("waiting", "running"):
            return
        if time.monotonic() - silent_since > COMMENT_SECONDS:
            silent_since = time.monotonic()
            yield ": still there\n\n"
        await asyncio.sleep(POLL_SECONDS)
