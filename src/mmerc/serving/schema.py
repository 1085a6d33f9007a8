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
PROBLEM_TYPE = "application/problem+json"
REFUSALS = {
    400: "the service is not available under this host name",
    401: "the token is missing or wrong",
    403: "a page of another site sent the request",
    404: "there is no such job",
    409: "the model is loading already, or cannot be loaded again",
    408: "the body arrived too slowly",
    413: "the body or the recording is too large",
    415: "the file is not of a known kind",
    422: "a field is missing or invalid",
    429: "the service is busy",
    503: "the model is loading, or the service is stopping",
    500: "the model cannot be loaded",
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
    hash: str = Field(description="first 8 digits of a SHA-256 of its settings and tensors")
    corpora: list[str] = Field(description="the corpora that the model was trained on")
    protocol: str = Field(description="offline: trained to read later utterances too; online: only earlier ones")
    calibration: dict[str, float] = Field(description="the parameters that make confidences match frequencies")
    version: str = Field(description="version of mmerc")


class Status(BaseModel):
    """The service can be used."""

    status: str


class KeptItem(BaseModel):
    """Data of people that the service keeps."""

    what: str
    where: str
    seconds: float | None = Field(description="how long at most after the last use; null: until the event in `until`")
    until: str = Field(description="what ends it earlier")


class Retention(BaseModel):
    """All that the service keeps of people."""

    items: list[KeptItem]


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(description="about:blank: the status says which kind of problem it is")
    title: str = Field(description="the name of the status")
    status: int
    detail: str = Field(description="what is wrong, and how to fix it, in one or two sentences")


def describe_refusals(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route for the OpenAPI document."""
    return {
        code: {
            "description": REFUSALS[code],
            "content": {PROBLEM_TYPE: {"schema": Problem.model_json_schema()}},
        }
        for code in (*codes, 503)
    }


def describe(body: type[BaseModel], *refusals: int, status: int = 200) -> dict[str, Any]:
    """Arguments of a route for the OpenAPI document. The service makes the response itself, so it is not validated again."""
    return {"response_model": None, "responses": {status: {"model": body}, **describe_refusals(*refusals)}}
