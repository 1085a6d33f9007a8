"""Load networks of transformers by hub name or folder. Foreign code is never run and pickles are never loaded."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers import AutoModel
from transformers.utils import logging as transformers_logging

from mmerc.errors import WeightsError, get_first_line

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()


@contextmanager
def explain_load_errors(kind: str, name: str, remedy: str) -> Iterator[None]:
    """Turn the errors that transformers raises in the block into one sentence.

    `kind` is the kind of network, such as `text`; `remedy` completes the sentence "download it and ...".

    Raises:
        WeightsError: the network is neither on this machine nor available for download.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        raise WeightsError(
            f'the {kind} network "{name}" cannot be loaded ({get_first_line(error)}): download it on a machine '
            f"with internet access and {remedy}."
        ) from error


def load_network(name: str, settings: Any, *, pretrained: bool) -> Any:
    """Create the network that `settings` (of transformers) describe, with the weights of `name` or with random weights.

    Raises:
        OSError, ValueError: the weights cannot be loaded, or they are no safetensors.
    """
    if pretrained:
        return AutoModel.from_pretrained(name, config=settings, trust_remote_code=False, use_safetensors=True)
    return AutoModel.from_config(settings, trust_remote_code=False)
