"""The entry point for users of a trained model: clips, recordings, texts, corpora and live conversations.

What needs torch is imported by the methods, so that a program that imports `Predictor` starts at once.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmerc.config import Backend, FaceChoice, Protocol
from mmerc.corpora import Clip, Dialogue, Utterance
from mmerc.corpora.dialogue import clean_text
from mmerc.emotions import LabelSet
from mmerc.errors import ConfigError
from mmerc.inference.call_batcher import CallBatcher
from mmerc.model.conformal import DEFAULT_COVERAGE, check_coverage
from mmerc.model.prediction import Prediction, Predictions

if TYPE_CHECKING:
    from mmerc.inference.faces import RecordingFaces
    from mmerc.inference.streaming import Conversation
    from mmerc.model.model import EmotionModel

log = logging.getLogger("mmerc")
MAX_LIVE_BATCH = 32  # live utterances that are computed together
MAX_LOOK_AHEAD_BATCH = 8  # live utterances whose images are read together: an answer waits at most for so many


class Predictor:
    """A trained model that predicts the emotion expressed in each utterance. Use `Predictor.load` to get one.

    It may be used from several threads, and in a forked child, which then computes on one thread. A predictor that was
    loaded from a folder can be pickled; the copy loads the folder again.

    >>> predictor = Predictor.load("RUN/model")  # doctest: +SKIP
    >>> predictor.predict_text("You came back!", speaker="Ann")  # doctest: +SKIP
    Prediction(input text/0: surprise 0.71 from text)
    """

    def __init__(self, model: "EmotionModel", *, source: str | None = None, protocol: Protocol | None = None) -> None:
        """`source`: the folder, or the name on the hub, that the model was loaded from, with `protocol`."""
        from mmerc.hardware import use_one_thread_after_fork
        from mmerc.inference.streaming import predict_requests

        self.model, self.source, self.protocol = model, source, protocol
        self._live = CallBatcher(partial(predict_requests, model), max_batch=MAX_LIVE_BATCH)
        self._look_ahead = CallBatcher(model.look_ahead, max_batch=MAX_LOOK_AHEAD_BATCH)
        use_one_thread_after_fork()

    @classmethod
    def load(
        cls,
        model: str | Path,
        *,
        backend: Backend = "torch",
        protocol: Protocol | None = None,
        coverage: float = DEFAULT_COVERAGE,
    ) -> "Predictor":
        """Load a model folder, such as RUN/model or what `mmerc export` wrote, or `OWNER/NAME` from the Hugging Face hub.

        `backend="onnx"` computes with onnxruntime and needs a folder that `mmerc export` wrote; the predictions are the same.
        `protocol`: `offline` or `online`, for a model that was trained for both; by default the one that it was selected with.
        `coverage`: the share of prediction sets that hold the true label, between 0 and 1.

        Raises:
            ConfigError: the coverage is not between 0 and 1.
            RunError: the folder is no model, is incomplete, was written by another version of mmerc, or was not trained for
                the protocol.
            WeightsError: its tensors do not fit its configuration, or the hub does not have it.
        """
        from mmerc.model.folder import load_model

        check_coverage(coverage)
        loaded = load_model(model, backend=backend)
        loaded.coverage = coverage
        if loaded.warning:
            log.warning("%s: %s", loaded.name, loaded.warning)
        if protocol is not None:
            loaded.set_protocol(protocol)
        if backend == "torch":
            for encoder in loaded.encoders.values():
                encoder.optimize_for_inference()
        source = str(Path(model).absolute()) if Path(model).exists() else str(model)  # the folder may change
        return cls(loaded, source=source, protocol=protocol)

    @property
    def labels(self) -> LabelSet:
        return self.model.labels

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that the model reads."""
        return tuple(self.model.encoders)

    def predict(
        self,
        dialogues: Iterable[Dialogue],
        *,
        explain: bool = False,
        on_progress: Callable[[], None] = lambda: None,
    ) -> Iterator[Prediction]:
        """A prediction for every utterance of the dialogues, in order.

        An utterance without any modality gets the label prior and empty `modalities`; `missing` has the reasons, and the log
        sums them up at the end. With `explain`, `influence` says how much the probability of the predicted emotion falls
        without each modality; and, where the fusion has crossmodal attention, `attention` says the same for each
        "source->target". `on_progress` is called after each modality of each utterance was read; an exception that it raises
        ends the work.
        """
        return self.model.predict(dialogues, explain=explain, on_progress=on_progress)

    def predict_text(self, text: str, *, speaker: str = "", explain: bool = False) -> Prediction:
        """The prediction for one utterance of which only the words are known."""
        utterance = Utterance("input", "text", 0, speaker=speaker, text=text or None)
        return self._predict_one(utterance, explain)

    def predict_clip(
        self, path: str | Path, *, text: str | None = None, speaker: str = "", explain: bool = False
    ) -> Prediction:
        """The prediction for a clip that is one utterance; `text`: the words in it, where they are known.

        A file that cannot be read gives the label prior and empty `modalities`, with the reasons in `missing`.

        Raises:
            ClipNotFound: there is no file at `path`.
        """
        from mmerc.inference.many import require_file

        path = require_file(Path(path))
        return self._predict_one(Utterance("input", path.stem, 0, speaker=speaker, text=text, clip=Clip(path)), explain)

    def predict_recording(
        self,
        path: str | Path,
        transcript: str | Path | None = None,
        *,
        num_speakers: int | None = None,
        names: Sequence[str] = (),
        voices: str | Path | None = None,
        faces: FaceChoice = "auto",
        explain: bool = False,
        progress: bool = False,
    ) -> Predictions:
        """The predictions for a recording of any length as one conversation.

        Its utterances are those of the transcript (SRT, WebVTT, CSV, JSON and others), or without one the stretches of
        speech between pauses and changes of the speaker. Where no transcript names the speakers they are found by their voices; this needs
        `mmerc weights fetch voice-encoder`.

        `num_speakers`: the number of people who speak; found by default. `names`: of the speakers, in the order in which they speak
        first. `voices`: a folder with a recording of each person, whose stem is the name. `faces`: see `find_faces`. `progress`: show a
        progress bar, on stderr or in the notebook.

        Raises:
            ClipNotFound: there is no file at `path`.
            CorpusError: the transcript or a voice cannot be used.
            ConfigError: the number or the names of the speakers cannot be used.
            WeightsError: speakers are asked for, and the weights are not on this machine.
        """
        from mmerc.inference.many import ReadingOptions, RecordingReader, Source

        source = Source(Path(path), None if transcript is None else Path(transcript))
        options = ReadingOptions(
            num_speakers, tuple(names), None if voices is None else Path(voices), faces, explain, progress
        )
        return RecordingReader(self, options).read(source)

    def predict_many(
        self,
        paths: Iterable[str | Path | tuple[str | Path, str | Path]],
        *,
        workers: int = 1,
        num_speakers: int | None = None,
        voices: str | Path | None = None,
        faces: FaceChoice = "auto",
        explain: bool = False,
        progress: bool = False,
    ) -> Iterator[Predictions]:
        """The predictions of each recording, in the order of `paths`, as `predict_recording` gives them.

        A path may be a pair of a recording and its transcript. A recording that is absent or cannot be read has one row with empty
        `modalities`; `missing` has the reason. Nothing that is wrong with one recording ends the work on the others.

        `workers`: the number of processes that compute, each with the networks in its own memory; 1 computes in this process. They share
        the CPUs. They end with the iterator, also after an error or Ctrl-C. A recording with which three processes die has one row, too.
        `progress`: show a progress bar, on stderr or in the notebook. The other options: see `predict_recording`.

        Raises:
            ConfigError: `workers` is not at least 1, or the number of the speakers cannot be used.
            CorpusError: a voice cannot be used.
            WeightsError: speakers are asked for, and the weights are not on this machine.
            RunError: a process dies while it loads the model.
            TypeError: several processes cannot load this predictor, because it was not loaded from a folder.

        >>> predictor = Predictor.load("RUN/model")  # doctest: +SKIP
        >>> for rows in predictor.predict_many(["a.mp4", ("b.mp4", "b.srt")], workers=2):  # doctest: +SKIP
        ...     print(len(rows), rows[0])
        """
        from mmerc.inference.many import ReadingOptions, RecordingReader, Source, show_recordings

        if workers < 1:
            raise ConfigError(f"{workers} processes compute nothing: give a number of workers from 1.")
        options = ReadingOptions(num_speakers, (), None if voices is None else Path(voices), faces, explain)
        sources = (Source(*map(Path, each if isinstance(each, tuple) else (each,))) for each in paths)
        found = RecordingReader(self, options).read_many(sources, workers)
        return show_recordings(found, len(paths) if isinstance(paths, Sized) else None) if progress else found

    def predict_nothing(self, utterance: Utterance, reason: str) -> Prediction:
        """The label prior, for an utterance of which nothing can be read for one reason."""
        (prediction,) = self.model.predict_nothing([utterance], reason)
        return prediction

    def find_faces(
        self, dialogue: Dialogue, faces: FaceChoice = "auto", *, on_progress: Callable[[], None] = lambda: None
    ) -> "RecordingFaces | None":
        """Who is seen in a recording, and which face is each speaker's; `assign_faces` tells each utterance.

        `faces`: `recording` finds them; `utterance` gives None, and the face encoder looks at each utterance alone, as in training;
        `auto` finds them in a recording of several named speakers or with several faces in a frame. None also for a model
        without a face encoder. `on_progress` is called after each utterance; an exception in it ends the work.
        """
        from mmerc.inference.faces import analyze_faces, find_face_encoder, has_many_faces

        encoder = find_face_encoder(self.model.encoders)
        if encoder is None or faces == "utterance" or (faces == "auto" and not has_many_faces(dialogue, encoder)):
            return None
        return analyze_faces(
            dialogue,
            encoder.detector,
            max_side=encoder.config.max_frame_side,
            crop=encoder.crop_faces,
            on_progress=on_progress,
        )

    def choose_faces(
        self, dialogue: Dialogue, faces: FaceChoice = "auto", *, on_progress: Callable[[], None] = lambda: None
    ) -> tuple[Dialogue, "RecordingFaces | None"]:
        """The dialogue with the face that each utterance takes, and what `find_faces` has found.

        A dialogue of a corpus stays as it is: it is read as in training.
        """
        from mmerc.inference.face_choice import assign_faces

        found = self.find_faces(dialogue, faces if dialogue.split == "input" else "utterance", on_progress=on_progress)
        return (assign_faces(dialogue, found) if found else dialogue), found

    def predict_listeners(self, dialogue: Dialogue, faces: "RecordingFaces") -> Predictions:
        """The expression of each listener in each utterance, from the face alone; `speaker` is the listener.

        `dialogue`: with its faces assigned. `utterance` is the one in which the person listens.
        """
        from mmerc.inference.face_choice import list_listeners
        from mmerc.inference.pieces import predict_pieces

        listeners = list_listeners(dialogue, faces)
        pieces = [(dialogue.utterances[index], piece) for index, piece in listeners]
        return Predictions(predict_pieces(self.model.predict, pieces))

    def predict_series(
        self,
        dialogue: Dialogue,
        every: float,
        *,
        faces: "RecordingFaces | None" = None,
        on_progress: Callable[[], None] = lambda: None,
    ) -> Predictions:
        """The predictions of steps of `every` seconds inside the utterances of a recording, from voice and face.

        Each is predicted from two seconds around it. `utterance` is the one that it belongs to. `faces`: the listeners have rows
        too; `dialogue` has these faces assigned. `on_progress`: see `predict`.
        """
        from mmerc.inference.face_choice import list_listeners
        from mmerc.inference.pieces import predict_pieces
        from mmerc.inference.series import cut_utterance

        people = list(enumerate(dialogue.utterances)) + (list_listeners(dialogue, faces) if faces else [])
        pieces = [(dialogue.utterances[index], row) for index, each in people for row in cut_utterance(each, every)]
        pieces.sort(key=lambda piece: piece[1].start or 0.0)
        return Predictions(predict_pieces(self.model.predict, pieces, on_progress=on_progress))

    def stream(self, name: str = "live", *, explain: bool = False) -> "Conversation":
        """A live conversation, to which utterances are pushed as they end.

        Nothing after an utterance is read, whichever protocol the model was trained for; a model of the `online` protocol, or
        one for both, was trained for this. Utterances of several conversations that are pushed from several threads are computed together.

        >>> predictor = Predictor.load("RUN/model")  # doctest: +SKIP
        >>> conversation = predictor.stream()  # doctest: +SKIP
        >>> conversation.push(make_utterance("You came back!", speaker="Ann")).emotion  # doctest: +SKIP
        'surprise'
        """
        from mmerc.inference.streaming import Conversation

        return Conversation(self.model, self._live, name, explain=explain, look_ahead=self._look_ahead)

    def _predict_one(self, utterance: Utterance, explain: bool) -> Prediction:
        utterance = clean_text(utterance)
        (prediction,) = self.predict([Dialogue("input", utterance.dialogue, (utterance,))], explain=explain)
        return prediction

    def __repr__(self) -> str:
        name = self.model.name or "an unsaved model"
        return f"Predictor({name}: {', '.join(self.labels.names)} from {', '.join(self.modalities)})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self.source is None:
            raise TypeError("a predictor that was not loaded from a folder cannot be pickled: save the model first.")
        return _load_again, (self.source, self.model.backend, self.protocol, self.model.coverage)


def _load_again(source: str, backend: Backend, protocol: Protocol | None, coverage: float) -> Predictor:
    return Predictor.load(source, backend=backend, protocol=protocol, coverage=coverage)
