"""Where a model folder lies: on this machine, or on the Hugging Face hub, from where it is fetched once and kept.

Only settings, tensors (safetensors), vocabularies and graphs are fetched; no code, no pickle.
"""

import re
from pathlib import Path

from mmerc.errors import WeightsError

ID = re.compile(r"(?:hub:)?([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@([\w./-]{1,100}))?")
WANTED = ("*.json", "*.safetensors", "*.txt", "*.onnx", "*.md")


def model_folder(place: str | Path) -> Path:
    """The folder of the model at `place`: a path, or `OWNER/NAME` on the hub, with `@REVISION` for one version of it.

    A path that is here always wins, and so does the folder it would lie in; `hub:OWNER/NAME` leaves no doubt.
    What has been fetched before is found without a network (`HF_HOME` and `HF_HUB_OFFLINE` say where and whether).

    Raises:
        WeightsError: the hub has no such model, or cannot be reached.
    """
    path = Path(place)
    named = ID.fullmatch(str(place))
    if named is None or path.exists() or (not str(place).startswith("hub:") and path.parent.exists()):
        return path
    from huggingface_hub import snapshot_download

    name, revision = named.groups()
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(WANTED)))
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{place} is neither a folder here nor to be fetched from the hub ({str(error).strip().splitlines()[0][:120]}): "
            "check its name, or download it on a machine with a network and give its folder."
        ) from error
