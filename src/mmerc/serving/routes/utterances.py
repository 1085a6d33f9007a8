"""Single utterances: a clip, a text or both in, a prediction out."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, UploadFile

from mmerc.corpora import Clip, Utterance
from mmerc.model import Prediction
from mmerc.serving.schema import BEARER, describe
from mmerc.serving.service import Service
from mmerc.serving.uploads import Uploads

CONVERSATION_NAME = r"^[A-Za-z0-9_.-]{1,64}$"
NOTHING_RETAINED = "the service retains no conversation: leave conversation out, or use a live stream."
NO_INPUT = "there is neither a clip nor a text: send one of them as multipart/form-data."


def create_router(service: Service) -> APIRouter:
    """The route `/v1/utterances`."""
    router = APIRouter(dependencies=[BEARER])
    limits = service.limits

    @router.post("/v1/utterances", **describe(Prediction, 400, 401, 403, 408, 413, 415, 422, 429, 504))
    async def predict_utterance(
        clip: Annotated[UploadFile | None, File(description="audio or video of this utterance")] = None,
        text: Annotated[str | None, Form(max_length=limits.max_text_characters)] = None,
        speaker: Annotated[str, Form(max_length=100)] = "",
        conversation: Annotated[
            str | None, Form(pattern=CONVERSATION_NAME, description="earlier utterances of this name are read too")
        ] = None,
        explain: Annotated[
            bool,
            Form(description="add `influence` and `attention`; in a conversation, send it with the first utterance"),
        ] = False,
    ) -> dict[str, Any]:
        """The prediction for one utterance: a clip, a text, or both."""
        if clip is None and not (text or "").strip():
            raise HTTPException(422, NO_INPUT)
        if conversation is not None and limits.expiry_seconds == 0:
            raise HTTPException(422, NOTHING_RETAINED)
        uploads = Uploads()

        def predict() -> Prediction:
            file = uploads.store(clip, "clip") if clip is not None else None
            if file is not None:
                service.check_recording(file, limits.max_utterance_seconds)
            utterance = Utterance("live", "", 0, speaker=speaker, text=text or None, clip=Clip(file) if file else None)
            return stored.conversation.push(service.transcribe(utterance))

        if conversation is None:
            stored = service.start_conversation(explain=explain)
        else:
            stored = service.conversations.get_or_create(
                conversation, lambda: service.start_conversation(conversation, explain=explain)
            )
        try:  # wait here, because a thread that waits could not compute for others
            await asyncio.wait_for(stored.push_lock.acquire(), limits.prediction_timeout_seconds)
        except BaseException as error:
            uploads.remove()
            if isinstance(error, TimeoutError):
                raise HTTPException(
                    504, "earlier utterances of the conversation take too long: send it again later."
                ) from error
            raise
        try:
            prediction = await service.run(predict, "http", uploads.remove)
        finally:
            stored.push_lock.release()
        return prediction.to_dict()

    return router
