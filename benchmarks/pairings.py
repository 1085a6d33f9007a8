"""What a combined model gains over its single modalities, on pairings of one-modality corpora, as JSON.

    python benchmarks/pairings.py MODEL [--text meld:../shared/data/meld#dev] [--audio ravdess:../shared/data/ravdess#dev] \\
        [--face fer2013:../shared/data/fer2013#dev] [--draws 5] [--count 1000] [--out FILE]

A label is drawn by the frequencies of the text corpus, then an utterance of each corpus with that label
(`mmerc.evaluation.pairings`). The reference to compare with is the best single modality. `--alone` reads each voice clip without
the speaker's other clips.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from result import show

from mmerc.corpora import Corpus
from mmerc.evaluation.pairings import measure_pairings
from mmerc.inference.inputs import open_corpus_and_split
from mmerc.model import load_model

DEFAULTS = {
    "text": "meld:../shared/data/meld#dev",
    "audio": "ravdess:../shared/data/ravdess#dev",
    "face": "fer2013:../shared/data/fer2013#dev",
}


def split_dialogues(corpus: Corpus, split: str) -> Corpus:
    """The corpus with each utterance of the split as a dialogue of its own."""
    alone = tuple(
        replace(dialogue, dialogue=f"{dialogue.dialogue}/{each.utterance}", utterances=(each,))
        for dialogue in corpus.dialogues(split)
        for each in dialogue.utterances
    )
    return replace(corpus, splits={**corpus.splits, split: alone})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    for name, location in DEFAULTS.items():
        parser.add_argument(f"--{name}", default=location)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    corpora = {name: open_corpus_and_split(getattr(args, name)) for name in DEFAULTS}
    if args.alone:
        corpus, split = corpora["audio"]
        corpora["audio"] = split_dialogues(corpus, split), split
    found = measure_pairings(load_model(args.model), corpora, draws=args.draws, count=args.count)
    scores = {name: each["f1_weighted"]["mean"] for name, each in found["subsets"].items()}
    singles = [name for name in scores if "+" not in name]
    found["gain_over_best_single"] = scores["+".join(corpora)] - max(scores[name] for name in singles)
    found["gains_of_pairs"] = {
        name: scores[name] - max(scores[each] for each in name.split("+")) for name in scores if name.count("+") == 1
    }
    found["gain_over_best_pair"] = scores["+".join(corpora)] - max(scores[name] for name in found["gains_of_pairs"])
    show(found, args.out)


if __name__ == "__main__":
    main()
