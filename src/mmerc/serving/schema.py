"""The bodies of responses as `/openapi.json` describes them. Predictions are described by `mmerc.model.Prediction`."""

from typing import Any

from fastapi import Depends
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field

from mmerc.model import Prediction
from mmerc.model.prediction import Column
from mmerc.serving.jobs import State

# `AccessControl` checks the token before a body is read; this dependency only documents it.
BEARER = Depends(HTTPBearer(auto_error=False))
REFUSALS = {
    400: "the service is not available under this host name",
    401: "the token is missing or wrong",
    403: "a page of another site sent the request",
    404: "there is no such job",
    408: "the body arrived too slowly",
    413: "the body or the recording is too large",
    415: "the file is not of a known kind",
    422: "a field is missing or invalid",
    429: "the service is busy",
    504: "the prediction takes too long",
}


class Job(BaseModel):
    """A recording that is processed."""

    id: str
    state: State
    done: int = Field(description="utterances that are predicted")
    total: int = Field(description="utterances of the recording; 0 until it is known")
    rows: list[Prediction] = Field(description="the predictions, when the state is `done`")
    columns: list[Column] = Field(description="the columns of a table of the rows: a name, and a path into a row")
    problems: list[str] = Field(description="lines of the transcript that could not be used")
    error: str = Field(description="why the job failed")


class Accepted(BaseModel):
    """A new job."""

    id: str
    url: str = Field(description="path of the job")


class Model(BaseModel):
    """The model that is served."""

    name: str = Field(description="name of the model")
    trained_on: str = Field(description="the corpus that the model was trained on")
    origin: str = Field(description="the same as a sentence for people")
    warning: str = Field(description="what makes this model unfit for use; empty for most models")
    coverage: float | None = Field(description="coverage of the prediction sets; null if the model has none")
    labels: list[str] = Field(description="the emotions, in the order of the model")
    colours: dict[str, str] = Field(description="a colour for each label, as #rrggbb")
    modalities: list[str] = Field(description="the modalities that the model reads")
    version: str = Field(description="version of mmerc")


class Refusal(BaseModel):
    """One sentence: what is wrong, and how to fix it."""

    detail: str


def describe_refusals(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route for the OpenAPI document."""
    return {code: {"model": Refusal, "description": REFUSALS[code]} for code in codes}


def describe(body: type[BaseModel], *refusals: int, status: int = 200) -> dict[str, Any]:
    """Arguments of a route for the OpenAPI document. The service makes the response itself, so it is not validated again."""
    return {"response_model": None, "responses": {status: {"model": body}, **describe_refusals(*refusals)}}
