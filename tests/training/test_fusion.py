from pathlib import Path

import numpy as np
import pytest

from mmerc.corpora import Corpus, Dialogue, Utterance
from mmerc.emotions import SEVEN
from mmerc.errors import ConfigError
from mmerc.features import FeatureRow
from mmerc.features.store import FeatureStore
from mmerc.features.writer import FeatureWriter
from mmerc.fusion import FusionConfig
from mmerc.training.fusion import config_for_fusion, make_examples
from mmerc.training.splits import CONTEXT


def test_another_fusion_takes_the_settings_that_it_can_use() -> None:
    config = FusionConfig(d_model=8, fused_size=8, num_heads=2, dialogue_context=True)
    assert config_for_fusion(config, "mult").dialogue_context
    assert not config_for_fusion(config, "late_stacking").dialogue_context
    assert config_for_fusion(config, "mult").name == "mult"


def test_settings_that_another_fusion_cannot_use_are_an_error() -> None:
    with pytest.raises(ConfigError, match="num_heads"):
        config_for_fusion(FusionConfig(d_model=6, num_heads=3, fused_size=8), "ctnet")


def test_examples_are_labelled_utterances_and_with_dialogues_their_neighbours(tmp_path: Path) -> None:
    emotions = [None, "joy", None, "fear"]
    utterances = tuple(Utterance("train", "a", n, "AB"[n % 2], emotion=each) for n, each in enumerate(emotions))
    corpus = Corpus("c", SEVEN, {"train": (Dialogue("train", "a", utterances),)})
    with FeatureWriter(tmp_path / "store") as writer:
        for number, utterance in enumerate(utterances):
            values = None if number == 3 else np.ones((2, 4), np.float16)
            writer.add(FeatureRow(utterance.key, values, "it has no clip" if values is None else None))
    features = {"audio": FeatureStore(tmp_path / "store")}
    alone = make_examples(features, {"audio": 4}, corpus, "train", by_dialogue=False)
    assert [key[2] for key in alone.keys] == ["1"] and list(alone.labels) == [SEVEN.index("joy")]
    together = make_examples(features, {"audio": 4}, corpus, "train", by_dialogue=True)
    assert [key[2] for key in together.keys] == ["0", "1", "2"]
    assert list(together.labels) == [CONTEXT, SEVEN.index("joy"), CONTEXT]
    assert together.collate([0, 1, 2], None)["dialogues"].tolist() == [[[0, 0], [1, 1], [2, 0]]]
