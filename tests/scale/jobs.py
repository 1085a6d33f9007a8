"""A job without networks, which Ray's workers import."""

import os
from dataclasses import dataclass

from mmerc.errors import CorpusError, WeightsError
from mmerc.inference.inputs import Part
from mmerc.scale.work import Work, name


class Echo:
    """Gives the name of the part; "bad" and "worse" cannot be processed."""

    def process(self, part: Part) -> bytes:
        if name(part) == "bad":
            raise CorpusError("bad is no recording: give another one.")
        if name(part) == "worse":
            raise ZeroDivisionError("by\nzero")
        return f"{name(part)} {os.environ.get('OMP_NUM_THREADS')}".encode()

    def fail(self, part: Part, reason: str) -> bytes:
        return f"{name(part)} failed: {reason}".encode()


@dataclass(frozen=True)
class EchoJob:
    has_weights: bool = True

    def load(self) -> Work:
        if not self.has_weights:
            raise WeightsError("the weights are not here: fetch them.")
        return Echo()
