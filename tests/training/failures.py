"""What a process of a distributed run does when it fails; imports little, because every process imports it."""

from mmerc.errors import RunError


def fail(sentence: str) -> None:
    raise ValueError(sentence)


def complain(sentence: str) -> None:
    raise RunError(sentence)
