"""How many bytes, seconds and items a client may ask of the service."""

from collections.abc import Sequence

from pydantic import Field

from mmerc.config import Section, apply_overrides, validate
from mmerc.errors import ConfigError


class Limits(Section):
    """A request that exceeds a limit gets a response with 408, 413, 422, 429, 503 or 504 and one sentence."""

    max_upload_bytes: int = Field(500_000_000, ge=1, description="size of the body of a request")
    upload_timeout_seconds: float = Field(300.0, gt=0, description="time in which a body must arrive")
    max_uploads: int = Field(40, ge=1, description="bodies that arrive at the same time")
    max_transcript_bytes: int = Field(20_000_000, ge=1, description="size of a transcript, which is read into memory")
    max_requests_per_minute: int = Field(
        1200, ge=1, description="requests and live streams that one client address may begin in a minute"
    )
    max_text_characters: int = Field(10_000, ge=1, description="length of the text of an utterance")
    max_utterance_seconds: float = Field(60.0, gt=0, description="duration of a clip that is one utterance")
    max_waiting_utterances: int = Field(32, ge=1, description="utterances that are being computed or are waiting")
    prediction_timeout_seconds: float = Field(60.0, gt=0, description="time in which an utterance is predicted")
    max_recording_seconds: float = Field(3 * 3600.0, gt=0, description="duration of a recording")
    max_recording_utterances: int = Field(5000, ge=1, description="utterances of a recording")
    job_timeout_seconds: float = Field(4 * 3600.0, gt=0, description="time in which a recording is processed")
    max_jobs: int = Field(8, ge=1, description="recordings that are being processed or are waiting")
    max_decoders: int = Field(3, ge=1, description="files that are being decoded, each in a process of its own")
    max_decoder_bytes: int = Field(700_000_000, ge=200_000_000, description="memory of a decoder process for its data")
    decoder_timeout_seconds: float = Field(
        20.0,
        gt=0,
        description="time in which a decoder process must answer: with a clip, or a second of a recording's sound; three times as long for a file "
        "that takes much computation, because others go first",
    )
    max_streams: int = Field(16, ge=1, description="live streams at the same time")
    max_message_bytes: int = Field(2_000_000, ge=1024, description="size of a message of a live stream")
    words_wait_seconds: float = Field(
        1.0, ge=0, description="time for which a live utterance waits for the words that --transcribe recognises"
    )
    start_timeout_seconds: float = Field(10.0, gt=0, description="time in which the first message must arrive")
    idle_timeout_seconds: float = Field(
        60.0, gt=0, description="a live stream is closed after this time without a message"
    )
    max_connections: int = Field(200, ge=1, description="connections of any kind")
    max_stored_items: int = Field(1000, ge=1, description="conversations, and finished jobs, that are stored")
    expiry_seconds: float = Field(
        3600.0, ge=0, description="time after the last use, after which a conversation or a finished job is deleted"
    )


def parse_limits(overrides: Sequence[str]) -> Limits:
    """The limits with `NAME=NUMBER` overrides.

    >>> parse_limits(["max_jobs=2"]).max_jobs
    2

    Raises:
        ConfigError: an override is not `NAME=NUMBER`, or a name or number is wrong.
    """
    wrong = next((override for override in overrides if not all(override.partition("="))), None)
    if wrong is not None:
        raise ConfigError(f"--limit {wrong}: write it as NAME=NUMBER, such as max_upload_bytes=100000000.")
    return validate(Limits, apply_overrides({}, overrides), "limit")
