"""Recordings of conversations: each is a job, whose progress and predictions the client asks for."""

import asyncio
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, HTTPException, Path, Request, UploadFile

from mmerc.serving import schema
from mmerc.serving.conversation_job import ConversationJob
from mmerc.serving.jobs import Job
from mmerc.serving.schema import BEARER, describe
from mmerc.serving.service import Service
from mmerc.serving.uploads import Uploads, check_recording


def create_router(service: Service) -> APIRouter:
    """The routes `/v1/conversations` and `/v1/jobs/{id}`."""
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
            file = await asyncio.to_thread(uploads.store, recording, "recording")
            transcript_file = None
            if transcript is not None:
                transcript_file = await asyncio.to_thread(uploads.store_transcript, transcript)
            await asyncio.to_thread(check_recording, file, service.limits.max_recording_seconds)
        except BaseException:
            uploads.remove()
            raise

        # The client's name of the file names the dialogue; it is never used as a path.
        name = PurePath(recording.filename or "recording").stem
        work = ConversationJob(
            service.predictor, service.limits, file, transcript_file, service.transcriber, explain, name
        )
        job = service.jobs.add(work.run, uploads.remove)
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
        return job.to_dict()

    @router.delete("/v1/jobs/{id}", **describe(schema.Job, 400, 401, 403, 404, 422))
    async def cancel_job(job: FoundJob) -> dict[str, Any]:
        """Cancel a job."""
        job.is_cancelled = True
        return job.to_dict()

    return router
