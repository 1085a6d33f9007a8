"""The work of a job: read one recording and predict its utterances, within the limits, until the job is cancelled."""

import time
from dataclasses import dataclass
from pathlib import Path

from mmerc.errors import CorpusError
from mmerc.inference import Predictor
from mmerc.inference.recording import read_recording
from mmerc.inference.transcription import Transcriber
from mmerc.media.isolation import Decoder, use_decoder
from mmerc.model.prediction import Prediction
from mmerc.serving.jobs import Cancelled, Job
from mmerc.serving.limits import Limits

MAX_PROBLEMS = 100  # number of problems of a transcript that are listed


@dataclass(frozen=True)
class ConversationJob:
    """The recording `file`, which is alone in its folder, with its transcript if there is one.

    `name`: the name of its dialogue. `decoder`: reads the file; by default this process does.
    """

    predictor: Predictor
    limits: Limits
    file: Path
    transcript: Path | None = None
    transcriber: Transcriber | None = None
    explain: bool = False
    name: str = "recording"
    decoder: Decoder | None = None

    def run(self, job: Job) -> list[Prediction]:
        """The predictions. `job` gets the progress and the problems of the transcript.

        Raises:
            Cancelled: the job is cancelled.
            CorpusError: the recording cannot be read, or exceeds a limit.
        """
        with use_decoder(self.decoder):
            return self._run(job)

    def _run(self, job: Job) -> list[Prediction]:
        limits, deadline = self.limits, time.monotonic() + self.limits.job_timeout_seconds

        def check(seconds: float = 0.0) -> None:
            if job.is_cancelled:
                raise Cancelled
            if seconds > limits.max_recording_seconds:  # the file's header may have given no duration
                raise CorpusError(
                    f"the recording takes more than {limits.max_recording_seconds:g} s: send a part of it."
                )
            if time.monotonic() > deadline:
                raise CorpusError(
                    f"the recording takes more than {limits.job_timeout_seconds:g} s to process: send a part of it."
                )

        try:
            dialogue, problems = read_recording(
                self.file, self.transcript, transcriber=self.transcriber, on_progress=check, name=self.name
            )
        except CorpusError as error:  # the sender does not know the folder
            raise CorpusError(str(error).replace(f"{self.file.parent}/", "")) from error
        if len(dialogue) > limits.max_recording_utterances:
            raise CorpusError(
                f"the recording has more than {limits.max_recording_utterances} utterances: send a part of it."
            )
        job.problems = [f"{problem.where}: {problem.what}" for problem in problems[:MAX_PROBLEMS]]
        job.total, job.labels = len(dialogue), self.predictor.labels.names
        modalities = len(self.predictor.modalities)
        inputs_read = 0

        def count_input() -> None:
            nonlocal inputs_read
            inputs_read += 1
            job.done = inputs_read // modalities
            check()

        dialogue, _ = self.predictor.choose_faces(dialogue, on_progress=check)
        return list(self.predictor.predict([dialogue], explain=self.explain, on_progress=count_input))
