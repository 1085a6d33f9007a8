"""Finding a model folder: on this machine, at an address, or on the Hugging Face hub; the last two are downloaded once.

Only JSON, safetensors, vocabularies, ONNX graphs and the model card are downloaded; no code, no pickle.
"""

import re
from pathlib import Path

from mmerc.addresses import is_address, make_path
from mmerc.errors import WeightsError, get_first_line
from mmerc.transfers import fetch_folder

ID = re.compile(r"(?:hub:)?([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@([\w./-]{1,100}))?")
FILE_PATTERNS = ("*.json", "*.safetensors", "*.txt", "*.onnx", "*.md")


def find_model_folder(location: str | Path) -> Path:
    """The folder of the model at `location`: a path, an address, or `OWNER/NAME` on the hub, `OWNER/NAME@REVISION` for a revision.

    An existing path takes precedence, and so does a path in an existing folder; `hub:OWNER/NAME` always means the hub.
    A model of the hub that was downloaded before is found without a network (settings `HF_HOME` and `HF_HUB_OFFLINE` of the hub's library).

    Raises:
        WeightsError: the hub or the address has no such model, or cannot be reached.
    """
    if is_address(str(location)):
        try:
            return fetch_folder(make_path(str(location)), FILE_PATTERNS)
        except OSError as error:
            raise WeightsError(f"the model {location} cannot be read ({error.strerror}): check its address.") from error
    path = Path(location)
    match = ID.fullmatch(str(location))
    if match is None or path.exists() or (not str(location).startswith("hub:") and path.parent.exists()):
        return path
    from huggingface_hub import snapshot_download

    name, revision = match.groups()
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(FILE_PATTERNS)))
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{location} is no folder on this machine and cannot be downloaded from the hub ({get_first_line(error)[:120]}): "
            "check its name, or download it on a machine with a network and give its folder."
        ) from error
