import re
from pathlib import Path
from typing import Any

import pytest
import torch

from mmerc.config.saved import FusionInfo, ModelInfo, NetworkInfo, Strict, build_saved, check_info
from mmerc.errors import RunError

FILE = Path("model/config.json")
MODEL = {"labels": ["joy", "anger"], "modalities": ["text"], "prior": [0.75, 0.25]}
NETWORK = {"num_classes": 3, "protocol": "online"}


def test_what_is_written_is_accepted_with_members_of_other_readers() -> None:
    check_info(
        MODEL | {"calibrations": {"fused": {"temperature": 1}}, "transfer": {}, "protocol": None}, ModelInfo, FILE
    )
    check_info(NETWORK | {"encoder": "bert", "num_dimensions": 2}, NetworkInfo, FILE)
    check_info(NETWORK | {"widths": {"text": 8}}, FusionInfo, FILE)
    with pytest.raises(
        RunError, match=re.escape('model/config.json has no "prior": the folder is damaged or was written by another')
    ):
        check_info({"labels": ["joy"], "modalities": ["text"]}, ModelInfo, FILE)


@pytest.mark.parametrize(
    ("schema", "info", "where"),
    [
        (ModelInfo, {"labels": []}, "labels"),
        (ModelInfo, {"labels": ["joy", 1]}, "labels.1"),
        (ModelInfo, {"labels": "joy"}, "labels"),
        (ModelInfo, {"modalities": 5}, "modalities"),
        (ModelInfo, {"modalities": ["../text"]}, "modalities.0"),
        (ModelInfo, {"modalities": ["text\n"]}, "modalities.0"),
        (ModelInfo, {"prior": [0.5, "0.5"]}, "prior.1"),
        (ModelInfo, {"prior": [float("nan")]}, "prior.0"),
        (ModelInfo, {"prior": [-0.1, 1.1]}, "prior.0"),
        (ModelInfo, {"name": None}, "name"),
        (ModelInfo, {"calibrations": []}, "calibrations"),
        (NetworkInfo, {"num_classes": True}, "num_classes"),
        (NetworkInfo, {"num_classes": 10**30}, "num_classes"),
        (NetworkInfo, {"num_dimensions": -1}, "num_dimensions"),
        (NetworkInfo, {"protocol": "both"}, "protocol"),
        (FusionInfo, {"widths": {}}, "widths"),
        (FusionInfo, {"widths": {"text": 0}}, "widths.text"),
    ],
)  # fmt: skip
def test_the_first_wrong_member_is_named(schema: type[Strict], info: dict[str, Any], where: str) -> None:
    good = MODEL if schema is ModelInfo else NETWORK | {"widths": {"text": 8}}
    with pytest.raises(
        RunError, match=rf'model/config\.json has a wrong "{re.escape(where)}" \(.*\): the folder is damaged'
    ):
        check_info(good | info, schema, FILE)


def test_a_network_that_cannot_be_built_is_an_error_of_its_file() -> None:
    assert build_saved(lambda: 3, FILE) == 3
    with pytest.raises(
        RunError, match=r"model/config\.json describes no network that can be built \(.*\): the folder is damaged"
    ):
        build_saved(lambda: torch.nn.Linear(1 << 40, 1 << 20), FILE)
