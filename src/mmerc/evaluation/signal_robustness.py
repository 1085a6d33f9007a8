"""Robustness to degraded sound: the recordings of a split are degraded, encoded again and scored; nothing is trained again.

The degradations are those of `mmerc.media.degradation`. Where a run has a fusion, its other modalities keep their features.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mmerc.corpora import Corpus, Dialogue, Key, LiveRecording
from mmerc.encoders.audio.base import SpeechEncoder
from mmerc.errors import MissingModality, RunError
from mmerc.evaluation.trained_fusions import Change, TrainedFusion, summarise_predictions
from mmerc.features import FeatureRow
from mmerc.media.degradation import DEGRADATIONS, degrade
from mmerc.media.live_input import read_utterance_waveform
from mmerc.model.calibration import Calibration
from mmerc.model.extraction import encode_prepared, prepare_row
from mmerc.model.folder import CONFIG, load_encoder, read_calibration, read_info
from mmerc.model.inference import predict_unimodal
from mmerc.progress import show_progress
from mmerc.training.distributed import select_device
from mmerc.training.run_folder import Run
from mmerc.training.splits import get_labels

CLEAN = "clean"
Waveforms = Mapping[Key, np.ndarray]
FeaturesByKey = Mapping[Key, FeatureRow]


@dataclass(frozen=True)
class AudioModality:
    """A modality that reads the sound, in every seed of a run, with the waveforms that its encoders read."""

    encoders: Sequence[SpeechEncoder]
    calibrations: Sequence[Calibration]
    priors: Sequence[Sequence[float]]
    waveforms: Waveforms

    def encode(
        self, dialogues: Sequence[Dialogue], degradation: str, on_progress: Callable[[], None]
    ) -> list[FeaturesByKey]:
        """The features of every utterance in each seed, from degraded sound. All seeds hear the same sound."""
        prepared: list[FeatureRow] = []
        for dialogue in dialogues:
            degraded = degrade_dialogue(dialogue, self.waveforms, degradation)
            for index in range(len(degraded)):
                prepared.append(prepare_row(self.encoders[0], degraded, index))
                on_progress()
        return [encode_prepared(encoder, prepared) for encoder in self.encoders]

    def predict(self, rows: Sequence[FeaturesByKey], keys: Sequence[Key]) -> list[list[int]]:
        """The label that the modality alone predicts for each key, in each seed."""
        predicted = []
        for features, calibration, prior in zip(rows, self.calibrations, self.priors, strict=True):
            probabilities = calibration.apply(predict_unimodal(features, keys), prior)
            predicted.append([int(np.argmax(probabilities.get(key, prior))) for key in keys])
        return predicted


def measure_signal_robustness(
    run: Run, corpus: Corpus, split: str, fusions: Mapping[str, TrainedFusion]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Mean and standard deviation over the run's seeds of accuracy, balanced accuracy and weighted F1, by degradation.

    `modalities`: of each modality that reads the sound, alone, with the number of labelled utterances in which it is
    `missing`: a detector of speech may find none in noise, and such an utterance gets the label prior. `fusions`: of each fusion. The degradation "clean" is the
    original sound on the same way, so that the others differ from it by nothing else.

    Raises:
        RunError: no modality reads the sound.
    """
    labels = get_labels(corpus, split)
    dialogues = [
        dialogue for dialogue in corpus.dialogues(split) if any(each.key in labels for each in dialogue.utterances)
    ]
    modalities = load_audio_modalities(run, dialogues)
    measured: dict[str, dict[str, dict[str, Any]]] = {
        "modalities": {name: {} for name in modalities},
        "fusions": {name: {} for name in fusions},
    }
    names = (CLEAN, *DEGRADATIONS)
    with show_progress("degraded sound", len(names) * len(modalities) * sum(map(len, dialogues))) as report:
        done = 0

        def on_progress() -> None:
            nonlocal done
            done += 1
            report(done)

        for degradation in names:
            rows = {name: each.encode(dialogues, degradation, on_progress) for name, each in modalities.items()}
            for name, modality in modalities.items():
                predicted = modality.predict(rows[name], list(labels))
                summary = summarise_predictions(list(labels.values()), predicted, len(corpus.labels))
                num_missing = sum(rows[name][0][key].values is None for key in labels)
                measured["modalities"][name][degradation] = {**summary, "missing": num_missing}
            for name, fusion in fusions.items():
                changes = [
                    replace_features({name: rows[name][seed] for name in modalities}) for seed in range(run.seeds)
                ]
                measured["fusions"][name][degradation] = fusion.score(changes)
    return measured


def load_audio_modalities(run: Run, dialogues: Sequence[Dialogue]) -> dict[str, AudioModality]:
    """The modalities of a run that read the sound.

    Raises:
        RunError: there is none.
    """
    device = select_device(run.config.trainer.accelerator)
    infos = [read_info(folder / "model") for folder in run.seed_folders]
    found = {}
    for name in run.config.modalities:
        encoders = [load_encoder(folder / "encoders" / name).to(device) for folder in run.seed_folders]
        speech = [encoder for encoder in encoders if isinstance(encoder, SpeechEncoder)]
        if speech:
            calibrations = [
                read_calibration(info, name, folder / "model" / CONFIG)
                for info, folder in zip(infos, run.seed_folders, strict=True)
            ]
            priors = [info["prior"] for info in infos]
            found[name] = AudioModality(speech, calibrations, priors, read_waveforms(speech[0], dialogues))
    if not found:
        raise RunError(f"{run.folder} has no modality that reads sound: leave out --signal.")
    return found


def read_waveforms(encoder: SpeechEncoder, dialogues: Sequence[Dialogue]) -> Waveforms:
    """The sound of every utterance that has any, as the encoder reads it: 64 kB per second, so 230 MB per hour."""
    waveforms = {}
    for dialogue in dialogues:
        for utterance in dialogue.utterances:
            with suppress(MissingModality):
                waveforms[utterance.key] = read_utterance_waveform(
                    utterance, channel=encoder.config.channel, max_seconds=encoder.config.max_seconds
                )
    return waveforms


def degrade_dialogue(dialogue: Dialogue, waveforms: Waveforms, degradation: str) -> Dialogue:
    """The dialogue with degraded sound in place of its clips. An utterance without a waveform stays as it is.

    The random numbers depend on the degradation and on the utterance only.
    """
    utterances = []
    for utterance in dialogue.utterances:
        if utterance.key in waveforms:
            waveform = waveforms[utterance.key]
            if degradation != CLEAN:
                rng = np.random.default_rng(list("/".join((degradation, *utterance.key)).encode()))
                waveform = degrade(waveform, degradation, rng)
            utterance = replace(utterance, live=LiveRecording(waveform))
        utterances.append(utterance)
    return replace(dialogue, utterances=tuple(utterances))


def replace_features(features: Mapping[str, FeaturesByKey]) -> Change:
    """Use these features of some modalities in place of those of the run."""
    return lambda name, row: features[name][row.key] if name in features else row
