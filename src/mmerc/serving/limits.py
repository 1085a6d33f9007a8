"""What a stranger may ask of the service: bytes, seconds and counts."""

from pydantic import Field

from mmerc.config import Section


class Limits(Section):
    """Beyond each of them the answer is 408, 413, 429 or 504, never a crash."""

    upload_bytes: int = Field(500_000_000, ge=1, description="of one request's body")
    upload_seconds: float = Field(300.0, gt=0, description="within which a body must have arrived")
    uploads: int = Field(40, ge=1, description="bodies that arrive at the same time")
    utterance_seconds: float = Field(60.0, gt=0, description="of a clip that is one utterance")
    conversation_seconds: float = Field(3 * 3600.0, gt=0, description="of a whole recording")
    conversation_utterances: int = Field(5000, ge=1, description="of a whole recording")
    job_seconds: float = Field(4 * 3600.0, gt=0, description="within which a recording is read")
    answer_seconds: float = Field(60.0, gt=0, description="within which an utterance is answered")
    text_characters: int = Field(10_000, ge=1, description="of one utterance")
    waiting: int = Field(32, ge=1, description="utterances that are being answered or wait for it")
    jobs: int = Field(8, ge=1, description="recordings that are being read or wait for it")
    connections: int = Field(16, ge=1, description="live streams at once")
    message_bytes: int = Field(2_000_000, ge=1024, description="of one message of a live stream")
    start_seconds: float = Field(10.0, gt=0, description="within which a live stream's first message must come")
    idle_seconds: float = Field(60.0, gt=0, description="without a message, after which a live stream is closed")
    sockets: int = Field(200, ge=1, description="connections of any kind; beyond them the answer is 503")
    kept: int = Field(1000, ge=1, description="conversations and finished jobs that are remembered")
    kept_seconds: float = Field(3600.0, gt=0, description="for how long they are")
