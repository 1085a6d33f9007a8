import numpy as np

from mmerc.corpora import Key, Utterance
from mmerc.emotions import LabelSet
from mmerc.features import FeatureRow
from mmerc.model.calibration import ProbabilitiesByKey
from mmerc.model.explanation import Evidence, Features, explain_predictions
from mmerc.model.prediction import make_prediction

KEYS: list[Key] = [("t", "0", "0"), ("t", "0", "1")]
LABELS = LabelSet(("joy", "fear"))


def row(key: Key, is_present: bool) -> FeatureRow:
    return FeatureRow(key, np.ones((1, 1)) if is_present else None, None if is_present else "no clip")


FEATURES = {
    "text": {key: row(key, True) for key in KEYS},
    "face": {KEYS[0]: row(KEYS[0], True), KEYS[1]: row(KEYS[1], False)},
}


def compute(features: Features, blocked: frozenset[tuple[str, str]]) -> ProbabilitiesByKey:
    """Joy gains 0.2 from each modality and 0.1 from the attention of text to face."""
    found = {}
    for key in KEYS:
        present = [name for name, rows in features.items() if rows[key].values is not None]
        if present:
            joy = 0.3 + 0.2 * len(present) + 0.1 * (len(present) == 2 and ("face", "text") not in blocked)
            found[key] = [joy, 1 - joy]
    return found


def test_influence_and_attention_are_what_the_emotion_loses() -> None:
    probabilities = compute(FEATURES, frozenset())
    predictions = [
        make_prediction(Utterance("t", "0", 0), LABELS, probabilities[KEYS[0]], ["text", "face"]),
        make_prediction(Utterance("t", "0", 1), LABELS, probabilities[KEYS[1]], ["text"]),
    ]
    evidence = Evidence(KEYS, FEATURES, compute, {"joy": 0.4, "fear": 0.6})
    first, second = explain_predictions(evidence, predictions, with_attention=True)
    assert first.influence == {"text": 0.3, "face": 0.3}
    assert first.attention == {"text->face": 0.0, "face->text": 0.1}
    assert second.influence == {"text": 0.1}  # 0.5 with the text, 0.4 in the prior
    assert second.attention == {}
    plain = explain_predictions(evidence, predictions, with_attention=False)
    assert plain[0].influence == first.influence and plain[0].attention is None


def test_without_any_evidence_the_prior_is_what_remains() -> None:
    predictions = [make_prediction(Utterance("t", "0", 1), LABELS, [0.5, 0.5], ["text"])]
    evidence = Evidence([KEYS[1]], FEATURES, compute, {"joy": 0.4, "fear": 0.6})
    (only,) = explain_predictions(evidence, predictions, with_attention=False)
    assert only.influence == {"text": 0.1}  # 0.5 with the text, 0.4 in the prior
