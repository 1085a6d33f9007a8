import logging
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc.corpora import Dialogue, Key, Utterance
from mmerc.encoders import ENCODERS, Encoder, check_encoder_config
from mmerc.features.store import FeatureStore
from mmerc.features.writer import FeatureWriter
from mmerc.model import extraction
from mmerc.model.extraction import (
    encode_rows,
    extract_dialogues,
    log_missing,
    make_feature_row,
    prepare_row,
    to_float16,
)


def make_encoder(**changed: object) -> Encoder:
    torch.manual_seed(0)
    settings = {"encoder": "signal", "signal": "pulse", "input_size": 2, "hidden_size": 4, **changed}
    return ENCODERS["signal"](check_encoder_config("pulse", settings), 3).eval()


def dialogue(*signals: object) -> Dialogue:
    utterances = (Utterance("t", "a", n, signals={"pulse": each}) for n, each in enumerate(signals))
    return Dialogue("t", "a", tuple(utterances))


def test_a_prepared_row_has_values_or_a_reason() -> None:
    encoder, talk = make_encoder(), dialogue(np.ones((3, 2)), None)
    assert prepare_row(encoder, talk, 0).values is not None
    missing = prepare_row(encoder, talk, 1)
    assert missing.values is None and missing.reason == "it has no signal pulse"


def test_a_failing_decoder_is_a_reason(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    encoder = make_encoder()

    def fail(*_: object) -> None:
        raise ValueError("invalid data")

    for name in ("prepare", "prepare_with_notes", "prepare_with_notes"):
        if hasattr(encoder, name):
            monkeypatch.setattr(encoder, name, fail)
    row = prepare_row(encoder, dialogue(np.ones((3, 2))), 0)
    assert row.reason == "it cannot be read (ValueError: invalid data)"


def test_features_are_float16_with_the_logits_of_the_encoder() -> None:
    encoder, talk = make_encoder(), dialogue(np.ones((3, 2)), np.zeros((5, 2)))
    rows = encode_rows(encoder, [prepare_row(encoder, talk, index) for index in range(2)])
    assert [row.values.shape for row in rows if row.values is not None] == [(3, encoder.width), (5, encoder.width)]
    assert all(row.values is not None and row.values.dtype == np.float16 for row in rows)
    assert all(len(row.metadata["logits"]) == 3 for row in rows)


def test_smaller_features_are_the_same_in_prediction_and_in_a_store(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    talk = dialogue(rng.normal(size=(30, 2)), rng.normal(size=(2, 2)))
    whole, small = make_encoder(), make_encoder(max_feature_steps=4, feature_dtype="int8")
    prepared = [prepare_row(whole, talk, index) for index in range(2)]
    full, rows = encode_rows(whole, prepared), encode_rows(small, prepared)
    assert [row.values.shape[0] for row in rows if row.values is not None] == [4, 2]
    means = [part.mean(0) for part in np.array_split(full[0].values.astype(np.float32), 4)]  # type: ignore[union-attr]
    assert rows[0].values == pytest.approx(np.stack(means), abs=0.01)
    assert rows[1].values == pytest.approx(full[1].values, abs=0.01)
    with FeatureWriter(tmp_path) as writer:
        for row in rows:
            writer.add(row)
    store = FeatureStore(tmp_path)
    assert all(np.array_equal(store[row.key].values, row.values) for row in rows)  # type: ignore[arg-type]


def test_a_summary_at_the_start_of_a_sequence_is_not_averaged() -> None:
    encoder = make_encoder(max_feature_steps=3)
    encoder.num_leading_steps = 1
    sequence = torch.arange(7.0)[:, None]
    row = make_feature_row(encoder, ("t", "a", "0"), sequence, {})
    assert row.values is not None and row.values[:, 0].tolist() == [0.0, 2.0, 5.0]


def test_numbers_too_large_for_float16_become_its_largest() -> None:
    assert to_float16(torch.tensor([1e6, -1e6, 1.5])).tolist() == [65504.0, -65504.0, 1.5]


def test_missing_modalities_are_summed_up(caplog: pytest.LogCaptureFixture) -> None:
    missing: dict[Key, str] = {("t", "a", str(n)): f"clip{n}.mp4 is empty" for n in range(3)}
    log = logging.getLogger("mmerc")
    log.addHandler(caplog.handler)  # it may not propagate, once the log is shown
    with caplog.at_level(logging.INFO, "mmerc"):
        log_missing("face", missing.values(), 5)
        log_missing("audio", [], 5)
    log.removeHandler(caplog.handler)
    assert set(caplog.messages) == {"face: missing in 3 of 5 utterances (3x is empty)"}


def test_threads_share_the_dialogues(monkeypatch: pytest.MonkeyPatch) -> None:
    config = check_encoder_config("text", {"encoder": "dialogue", "backbone": "scratch", "bf16": False})
    encoder = ENCODERS["dialogue"](config, 3).eval()
    dialogues = [
        Dialogue("t", str(number), tuple(Utterance("t", str(number), n, text="well " * (n + 1)) for n in range(size)))
        for number, size in enumerate([1, 30, 2, 40, 5, 3])
    ]
    encoder.adapt(dialogues)
    alone = {key: row for dialogue in dialogues for key, row in extract_dialogues(encoder, [dialogue]).items()}
    threads: set[int] = set()
    encode = extraction.encode_prepared
    monkeypatch.setattr(
        extraction, "encode_prepared", lambda *given: (threads.add(threading.get_ident()), encode(*given))[1]
    )
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        together = extract_dialogues(encoder, dialogues)
    finally:
        torch.set_num_threads(before)
    assert threading.get_ident() not in threads and 1 <= len(threads) <= 2
    assert together.keys() == alone.keys() and len(alone) == 81
    for key, row in together.items():
        assert np.allclose(row.metadata["logits"], alone[key].metadata["logits"], atol=1e-5)
