"""What a job does: one recording read and answered, within the limits, until nobody wants it any more."""

import time
from dataclasses import dataclass
from pathlib import Path

from mmerc.errors import CorpusError
from mmerc.inference import Predictor
from mmerc.inference.recording import Words, read_recording
from mmerc.serving.jobs import Cancelled, Job, Row
from mmerc.serving.limits import Limits


@dataclass(frozen=True)
class Reading:
    """The recording `file`, which lies in a folder of its own, and what is asked about it."""

    predictor: Predictor
    limits: Limits
    file: Path
    transcript: Path | None
    words: Words | None
    explain: bool

    def rows(self, job: Job) -> list[Row]:
        """The answers; `job` learns how far it is.

        Raises:
            Cancelled: the job is not wanted any more.
            CorpusError: it cannot be read, or is too much.
        """
        limits, until = self.limits, time.monotonic() + self.limits.job_seconds

        def watch(seconds: float = 0.0) -> None:
            if job.cancelled:
                raise Cancelled
            if seconds > limits.conversation_seconds:  # of which its header may have said nothing
                raise CorpusError(
                    f"the recording takes more than {limits.conversation_seconds:g} s: send a part of it."
                )
            if time.monotonic() > until:
                raise CorpusError(f"reading it takes more than {limits.job_seconds:g} s: send a part of it.")

        try:
            dialogue, problems = read_recording(self.file, self.transcript, words=self.words, watch=watch)
        except CorpusError as error:  # the folder's name is nothing to its sender
            raise CorpusError(str(error).replace(f"{self.file.parent}/", "")) from error
        if len(dialogue) > limits.conversation_utterances:
            raise CorpusError(f"it has more than {limits.conversation_utterances} utterances: send a part of it.")
        job.problems = [f"{problem.where}: {problem.what}" for problem in problems[:100]]
        job.total = len(dialogue)
        read = 0

        def read_one() -> None:
            nonlocal read
            read += 1
            job.done = read // len(self.predictor.encoders)
            watch()

        return list(self.predictor.predict([dialogue], explain=self.explain, watch=read_one))
