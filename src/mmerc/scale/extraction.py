"""Feature stores of a trained model for a corpus or recordings: a ZIP file of shards for each part, and one store for each modality."""

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mmerc.corpora import Key
from mmerc.errors import RunError
from mmerc.features import FeatureRow
from mmerc.features.shard import Shard, encode_shard
from mmerc.features.store import SUFFIX, FeatureStore
from mmerc.features.writer import FeatureWriter, sort_store
from mmerc.files import read_json, replace_atomically, write_json
from mmerc.inference import Predictor
from mmerc.inference.inputs import Part, read_part
from mmerc.model.extraction import extract_dialogues, log_missing
from mmerc.progress import show_progress
from mmerc.scale.parts import Run, open_parts
from mmerc.scale.work import ModelJob, list_utterances, run_here

DESCRIPTION = "extraction.json"


class ExtractionJob(ModelJob):
    """The options of `mmerc extract`."""

    def load(self) -> "ExtractionWork":
        """Load the model and what reads recordings. Raises MmercError: one of them cannot be used."""
        return ExtractionWork(self)


class ExtractionWork:
    """Computes the features of the utterances of a part, as the fusion of the model reads them."""

    def __init__(self, job: ExtractionJob) -> None:
        self.job, self.read = job, job.reading.load()
        self.predictor = Predictor.load(job.model, protocol=job.protocol)

    def process(self, part: Part) -> bytes:
        dialogue, _ = read_part(part, self.read)
        dialogue, _ = self.predictor.choose_faces(dialogue, self.job.faces)
        encoders = self.predictor.model.encoders
        return encode_features({name: extract_dialogues(encoder, [dialogue]) for name, encoder in encoders.items()})

    def fail(self, part: Part, reason: str) -> bytes:
        keys = [utterance.key for utterance in list_utterances(part)]
        rows = {key: FeatureRow(key, None, reason) for key in keys}
        return encode_features(dict.fromkeys(self.predictor.model.encoders, rows))


def encode_features(features: Mapping[str, Mapping[Key, FeatureRow]]) -> bytes:
    """The rows of each modality as the bytes of a ZIP file with a shard for each of them."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, rows in features.items():
            archive.writestr(f"{name}{SUFFIX}", encode_shard(list(rows.values())))
    return content.getvalue()


def decode_features(file: Path) -> Iterator[tuple[str, FeatureRow]]:
    """The modality and the row of each row in the file of a part."""
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            shard = Shard(file / name, archive.read(name))
            for row in range(len(shard)):
                yield name.removesuffix(SUFFIX), shard.read(row)


def extract(location: str, out: Path, job: ExtractionJob, *, run: Run = run_here) -> dict[str, Any]:
    """Write the features of an input (see `read_input`) to OUT/MODALITY, a `FeatureStore` for each modality of the model.

    The parts are kept next to `out` until it is complete: the same call continues after it was stopped. `run`: what computes the
    parts, such as `Cluster.run`. Returns the number of utterances, and of those that lack each modality.

    Raises:
        CorpusError, RunError, WeightsError: the input, the folder or the model cannot be used.
    """
    description = job.describe(location)
    if out.exists():
        if not (out / DESCRIPTION).is_file() or read_json(out / DESCRIPTION) != description:
            raise RunError(f"{out} exists and is not the store of this command: choose another --out.")
        return summarize(out)
    parts, _ = job.list_parts(location)
    with open_parts(out, description, parts) as folder:
        with show_progress("extracting", len(parts)) as report:
            folder.compute(job.make_absolute(), run, report)
        with replace_atomically(out) as temporary:
            temporary.mkdir()
            write_store(temporary, folder.files)
            write_json(temporary / DESCRIPTION, description)
        folder.remove()
    return summarize(out)


def write_store(folder: Path, files: Iterable[Path]) -> None:
    """Write the rows of the files of parts, in their order, to a store for each modality below `folder`."""
    keys: dict[str, list[Key]] = {}
    with ExitStack() as stack:
        writers: dict[str, FeatureWriter] = {}
        for file in files:
            for modality, row in decode_features(file):
                if modality not in writers:
                    writers[modality] = stack.enter_context(FeatureWriter(folder / modality))
                writers[modality].add(row)
                keys.setdefault(modality, []).append(row.key)
    for modality, order in keys.items():
        sort_store(FeatureStore(folder / modality), order)


def summarize(out: Path) -> dict[str, Any]:
    """The number of utterances in the stores, and of those that lack each modality; the log has the reasons."""
    missing, total = {}, 0
    for folder in sorted(each for each in out.iterdir() if each.is_dir()):
        store = FeatureStore(folder)
        reasons = store.list_missing().values()
        log_missing(folder.name, reasons, len(store))
        missing[folder.name], total = len(reasons), len(store)
    return {"utterances": total, "missing": missing}
