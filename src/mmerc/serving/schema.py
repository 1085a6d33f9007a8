"""What the service answers, as `/openapi.json` describes it."""

from pydantic import BaseModel, Field

from mmerc.serving.jobs import State


class Answer(BaseModel):
    """A row of `mmerc predict`."""

    split: str
    dialogue: int | str
    utterance: int | str
    speaker: str
    text: str | None
    start: float | None = Field(description="seconds in the recording")
    end: float | None
    emotion: str
    probabilities: dict[str, float] = Field(description="of each label of the model")
    modalities: list[str] = Field(description="those that were read")
    influence: dict[str, float] = Field({}, description="what the emotion's probability loses without each modality")
    attention: dict[str, float] = Field({}, description="and without each attention, named source->target")


class LiveAnswer(Answer):
    """The same of one utterance of a conversation that goes on."""

    missing: dict[str, str] = Field(description="why each modality that was not read was not")


class Job(BaseModel):
    """A recording that is being read."""

    id: str
    state: State
    done: int
    total: int = Field(description="utterances; 0 until they are known")
    rows: list[Answer] = Field(description="when it is done")
    problems: list[str] = Field(description="of the transcript")
    error: str


class Accepted(BaseModel):
    """Where to ask for a job."""

    id: str
    url: str


class Model(BaseModel):
    """What the model knows."""

    labels: list[str]
    colours: dict[str, str]
    modalities: list[str]
    version: str


class Refusal(BaseModel):
    """One sentence: what, where, what to do."""

    detail: str
