import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmerc.corpora import Corpus, Dialogue, LiveRecording, Utterance
from mmerc.emotions import SEVEN
from mmerc.encoders import check_encoder_config
from mmerc.encoders.audio.pretrained import PretrainedSpeech, PretrainedSpeechConfig
from mmerc.encoders.audio.voice_statistics import split_statistics
from mmerc.encoders.base import Example
from mmerc.errors import ConfigError
from mmerc.inference import Predictor
from mmerc.memo import Memo
from mmerc.model import EmotionModel
from mmerc.model.extraction import extract_dialogues, prepare_rows
from mmerc.model.folder import write_model
from mmerc.model.onnx.export import export_onnx
from tests.encoders.audio.speech_networks import make_samples, save_speech_network


def make_encoder(folder: Path, family: str = "whisper", **settings: Any) -> PretrainedSpeech:
    torch.manual_seed(0)
    backbone = str(save_speech_network(family, folder / "hub"))
    config = PretrainedSpeechConfig(encoder="pretrained", backbone=backbone, hidden_size=8, bf16=False, **settings)
    return PretrainedSpeech(config, 7).eval()


def make_dialogue(*utterances: tuple[str, float]) -> Dialogue:
    return Dialogue(
        "test",
        "0",
        tuple(
            Utterance(
                "test", "0", number, speaker=speaker,
                live=LiveRecording(samples=make_samples(seconds, number).astype(np.float32) / 32_768),
            )
            for number, (speaker, seconds) in enumerate(utterances)
        ),
    )  # fmt: skip


def make_examples(encoder: PretrainedSpeech, dialogue: Dialogue) -> list[Example]:
    prepared = [encoder.prepare_with_notes(dialogue, index) for index in range(len(dialogue))]
    return [
        Example(utterance.key, values, notes=notes)
        for utterance, (values, notes) in zip(dialogue.utterances, prepared, strict=True)
    ]


def test_a_live_utterance_is_read_by_the_backbone_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, memo = make_encoder(tmp_path), Memo()
    dialogue = make_dialogue(("A", 1.0))
    (utterance,) = dialogue.utterances
    assert utterance.live is not None
    live = Dialogue("test", "0", (replace(utterance, live=replace(utterance.live, memo=memo)),))
    expected = encoder.prepare(live, 0)
    monkeypatch.setattr(encoder, "run_frozen", lambda waveform: np.zeros(0))
    assert np.array_equal(encoder.prepare(live, 0), expected) and len(encoder.prepare(dialogue, 0)) == 0


@pytest.mark.parametrize("unfreeze_layers", [0, 1])
def test_an_encoder_is_saved_and_restored(unfreeze_layers: int, tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path, unfreeze_layers=unfreeze_layers)
    dialogue = make_dialogue(("A", 1.0), ("A", 0.3), ("B", 0.1))
    examples = make_examples(encoder, dialogue)
    assert examples[0].values.shape == ((16_000,) if unfreeze_layers else (13, 3, 16))  # 80 ms a step
    out = encoder(encoder.collate(examples))
    assert out.sequence.shape == (3, 14, 8) and out.logits.shape == (3, 7)
    assert out.mask.sum(1).tolist() == [14, 5, 3]  # the summary, then the steps
    assert not out.sequence[~out.mask].any()

    (tmp_path / "saved").mkdir()
    encoder.save(tmp_path / "saved")
    (tmp_path / "hub").rename(tmp_path / "gone")
    restored = PretrainedSpeech.restore(tmp_path / "saved")
    assert torch.equal(restored(restored.collate(make_examples(restored, dialogue))).logits, out.logits)


@pytest.mark.usefixtures("use_voice_weights")
@pytest.mark.parametrize("unfreeze_layers", [0, 1])
def test_the_voice_network_is_a_part_of_the_model(
    unfreeze_layers: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    encoder = make_encoder(tmp_path, voice_network=True, unfreeze_layers=unfreeze_layers)
    dialogue = make_dialogue(("A", 1.0), ("A", 0.3), ("B", 0.1))
    examples = make_examples(encoder, dialogue)
    if not unfreeze_layers:
        assert examples[0].values.shape == (22 + 13, 3, 16)  # 1,024 statistics fill 22 steps
    out = encoder(encoder.collate(examples))
    assert out.sequence.shape == (3, 14, 8)  # the statistics are no steps of stage 2

    (tmp_path / "saved").mkdir()
    encoder.save(tmp_path / "saved")
    monkeypatch.setenv("MMERC_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path))
    restored = PretrainedSpeech.restore(tmp_path / "saved")
    assert torch.equal(restored(restored.collate(make_examples(restored, dialogue))).logits, out.logits)


@pytest.mark.usefixtures("use_voice_weights")
def test_both_networks_have_the_same_share_of_a_distance(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path, voice_network=True)
    assert encoder.vector_size == 5 * 2 * 16 + 1024
    shares = encoder.scales.square()
    assert [float(shares[:160].sum()), float(shares[160:].sum())] == pytest.approx([1184 / 2] * 2, rel=1e-5)
    assert make_encoder(tmp_path).scales.tolist() == [1.0] * 160


@pytest.mark.usefixtures("use_voice_weights")
def test_another_voice_changes_the_vector_of_the_voice_network(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path, voice_network=True)
    examples = make_examples(encoder, make_dialogue(("A", 0.5), ("B", 0.6)))
    first, second = encoder.compute_vectors(encoder.collate(examples))
    again = encoder.compute_vectors(encoder.collate(examples[:1]))[0]
    assert torch.allclose(first, again, atol=1e-5)
    assert (first != second)[160:].float().mean() > 0.9


@pytest.mark.usefixtures("use_voice_weights")
@pytest.mark.parametrize("has_voice", [False, True])
def test_a_fine_tuned_backbone_starts_with_the_numbers_of_a_frozen_one(has_voice: bool, tmp_path: Path) -> None:
    frozen, tuned = (make_encoder(tmp_path, unfreeze_layers=count, voice_network=has_voice) for count in (0, 1))
    tuned.load_state_dict(frozen.state_dict())
    dialogue = make_dialogue(("A", 0.5), ("A", 0.7))
    first, second = (encoder(encoder.collate(make_examples(encoder, dialogue))).logits for encoder in (frozen, tuned))
    assert torch.allclose(first, second, atol=1e-3)  # the frozen one keeps its steps in float16


@pytest.mark.parametrize(("unfreeze_layers", "is_trained"), [(0, False), (1, True)])
def test_only_the_unfrozen_layers_get_a_gradient(unfreeze_layers: int, is_trained: bool, tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path, unfreeze_layers=unfreeze_layers).train()
    examples = make_examples(encoder, make_dialogue(("A", 0.5), ("A", 0.7)))
    encoder(encoder.collate(examples, random.Random(0))).logits.square().sum().backward()
    layers = encoder.network.backbone.layers
    assert [layer.fc1.weight.grad is not None for layer in layers] == [False, is_trained]
    assert encoder.network.training == is_trained
    assert encoder.layer_weights.grad is not None


def test_a_reference_changes_the_utterances_of_its_speaker_only(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path)
    first = extract_dialogues(encoder, [make_dialogue(("A", 0.5), ("B", 0.5), ("A", 0.5))])
    second = extract_dialogues(encoder, [make_dialogue(("A", 0.5), ("B", 0.5), ("C", 0.5))])
    changed = [first[key].metadata["logits"] != second[key].metadata["logits"] for key in first]
    assert changed == [True, False, True]
    encoder.protocol = "online"
    third = extract_dialogues(encoder, [make_dialogue(("A", 0.5), ("B", 0.5), ("A", 0.5))])
    keys = list(first)
    assert third[keys[0]].metadata["logits"] == pytest.approx(second[keys[0]].metadata["logits"], abs=1e-5)
    assert third[keys[2]].metadata["logits"] == pytest.approx(first[keys[2]].metadata["logits"], abs=1e-5)


def test_a_live_conversation_has_the_predictions_of_the_online_protocol(tmp_path: Path) -> None:
    model = EmotionModel(SEVEN, {"voice": make_encoder(tmp_path)}, None, [1 / 7] * 7)
    dialogue = make_dialogue(*[("ABC"[number % 3], 0.2 + 0.1 * (number % 4)) for number in range(8)])
    conversation = Predictor(model).stream()
    live = [conversation.push(utterance) for utterance in dialogue.utterances]
    model.set_protocol("online")
    for found, expected in zip(live, Predictor(model).predict([dialogue]), strict=True):
        assert dict(found.probabilities) == pytest.approx(dict(expected.probabilities), abs=1e-4)


def test_without_the_option_no_other_utterance_is_read(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path, speaker_reference=False)
    assert not encoder.reads_dialogue
    batch = encoder.collate(make_examples(encoder, make_dialogue(("A", 0.5), ("A", 0.5))))
    assert not batch["is_reference"].any()


def test_a_result_does_not_depend_on_the_padding_of_its_batch(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path)
    examples = make_examples(encoder, make_dialogue(("A", 0.4), ("B", 3.0)))
    alone, together = encoder(encoder.collate(examples[:1])), encoder(encoder.collate(examples))
    assert torch.allclose(alone.logits[0], together.logits[0], atol=1e-6)


@pytest.mark.usefixtures("use_voice_weights")
@pytest.mark.parametrize("has_voice", [False, True])
def test_the_voice_layers_are_exported_to_onnx(has_voice: bool, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    encoder = make_encoder(tmp_path, voice_network=has_voice)
    folder = tmp_path / "run" / "encoders" / "voice"
    folder.mkdir(parents=True)
    encoder.save(folder)
    corpus = Corpus("voices", SEVEN, {"train": (), "dev": ()})
    options: dict[str, Any] = {"protocol": "offline", "prior": [1 / 7] * 7, "calibrations": {}, "dev_f1_weighted": 0.0}
    options |= {"features": {}, "dev_labels": {}}
    write_model(tmp_path / "run", corpus, {"voice": encoder}, None, **options)
    export_onnx(tmp_path / "run" / "model", tmp_path / "graph")
    dialogue = make_dialogue(("A", 0.4), ("B", 0.5), ("A", 1.0))
    in_torch, in_onnx = (
        [prediction.probabilities for prediction in Predictor.load(path, backend=backend).predict([dialogue])]
        for path, backend in ((tmp_path / "run" / "model", "torch"), (tmp_path / "graph", "onnx"))
    )
    for one, other in zip(in_torch, in_onnx, strict=True):
        assert dict(one) == pytest.approx(dict(other), abs=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_speed_change": 0.1}, "a frozen backbone reads augmented copies"),
        ({"augmented_copies": 1}, "a frozen backbone reads augmented copies"),
        ({"augmented_copies": 1, "max_speed_change": 0.1, "unfreeze_layers": 1}, "are for a frozen backbone"),
    ],
)
def test_augmentation_that_would_do_nothing_is_an_error(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_encoder_config("audio", {"encoder": "pretrained", **settings})


def test_a_copy_of_a_dialogue_has_one_speed_and_is_a_dialogue_of_its_own(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path, augmented_copies=2, max_speed_change=0.3)
    dialogue = make_dialogue(("A", 2.0), ("A", 4.0))
    rows = list(zip(*(prepare_rows(encoder, dialogue, index, copies=2) for index in (0, 1)), strict=True))
    lengths = [[len(row.values) for row in copies if row.values is not None] for copies in rows]
    assert lengths[0] == [25, 50]
    for short, long in lengths[1:]:
        assert short != 25 and abs(long - 2 * short) <= 1
    assert lengths[1] != lengths[2]
    assert [row.key for row in rows[2]] == [("test+2", "0", "0"), ("test+2", "0", "1")]
    assert rows[1][0].metadata == {"speaker": "A"}
    again = prepare_rows(encoder, dialogue, 0, copies=2)[1].values
    assert rows[1][0].values is not None and again is not None and np.array_equal(again, rows[1][0].values)


@pytest.mark.usefixtures("use_voice_weights")
def test_a_copy_has_the_statistics_of_its_changed_voice(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path, voice_network=True, augmented_copies=1, max_speed_change=0.3)
    (values, _), (changed, _) = encoder.prepare_with_copies(make_dialogue(("A", 2.0)), 0)
    assert np.array_equal(values, encoder.prepare(make_dialogue(("A", 2.0)), 0))
    own, other = (split_statistics(each)[0] for each in (values, changed))
    assert (own != other).mean() > 0.9
