import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom

from mmerc.errors import ConfigError, RunError
from mmerc.model.conformal import (
    ANY,
    ConformalSets,
    PredictionSet,
    ScoreQuantiles,
    check_coverage,
    list_ranks,
    name_subset,
)

SHARES = st.integers(1, 199).map(lambda step: step / 200)


def draw(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities [N, 4] and labels [N]; the probabilities are too confident."""
    logits = rng.normal(size=(count, 4))
    noise = rng.gumbel(size=(count, 4))
    exponents = np.exp(3 * logits)
    return exponents / exponents.sum(1, keepdims=True), (logits + noise).argmax(1)


@pytest.mark.parametrize("coverage", [0.6, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("count", [60, 1109])
def test_sets_of_exchangeable_utterances_have_the_coverage(count: int, coverage: float) -> None:
    """The number of sets with the true label has a known distribution, because a threshold is the score of a known rank."""
    rng = np.random.default_rng(count)
    tested, repeats, rank = 200, 40, int(np.ceil(round((count + 1) * coverage, 6)))
    held = 0
    for _ in range(repeats):
        threshold = ScoreQuantiles.fit(1 - pick(*draw(rng, count))).get_threshold(coverage)
        held += int((1 - pick(*draw(rng, tested)) <= threshold).sum())
    exact = betabinom(tested, rank, count + 1 - rank)
    deviation = exact.std() * repeats**0.5
    assert abs(held - repeats * exact.mean()) < 3.5 * deviation
    assert exact.mean() / tested >= coverage


def pick(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.asarray(probabilities[np.arange(len(labels)), labels])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=700), SHARES)
def test_a_threshold_is_the_score_of_its_rank(scores: list[float], coverage: float) -> None:
    rank = -(-(len(scores) + 1) * round(200 * coverage) // 200)
    found = ScoreQuantiles.fit(np.asarray(scores)).get_threshold(coverage)
    expected = sorted(scores)[rank - 1] if rank <= len(scores) else 1.0
    assert expected <= found <= expected + 1.1e-6


@given(st.integers(1, 3000))
def test_at_most_200_scores_are_stored(count: int) -> None:
    ranks = list_ranks(count)
    assert len(ranks) <= 200 and ranks[-1] == count and ranks == sorted(set(ranks)) and ranks[0] >= 1


def test_a_coverage_between_two_steps_gets_the_next_score() -> None:
    quantiles = ScoreQuantiles.fit(np.arange(1, 1000) / 1000)
    assert [quantiles.get_threshold(each) for each in (0.9, 0.9001, 0.905)] == [0.9, 0.905, 0.905]
    assert quantiles.get_threshold(0.999) == 0.999 and quantiles.get_threshold(0.9991) == 1.0


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=7), SHARES, SHARES)
def test_sets_are_nested_and_begin_with_the_most_probable_label(weights: list[float], one: float, other: float) -> None:
    rng = np.random.default_rng(0)
    sets = ConformalSets({ANY: ScoreQuantiles.fit(rng.random(100))})
    probabilities = (np.asarray(weights) / sum(weights)).tolist()
    small, large = (sets.select(probabilities, ["text"], each).labels for each in sorted((one, other)))
    assert large[: len(small)] == small and small[0] == int(np.argmax(probabilities))


def test_an_empty_set_gets_the_best_label_and_nothing_read_gets_all() -> None:
    sets = ConformalSets({ANY: ScoreQuantiles.fit(np.full(20, 0.1))})
    assert sets.select([0.03, 0.95, 0.02], ["text"], 0.9) == PredictionSet((1,), 0.9, uncertain=False)
    assert sets.select([0.3, 0.5, 0.2], ["text"], 0.9) == PredictionSet((1,), 0.9, uncertain=True)
    assert sets.select([0.3, 0.5, 0.2], [], 0.9) == PredictionSet((1, 0, 2), 0.9, uncertain=True)


def test_each_subset_of_modalities_has_its_scores() -> None:
    rows = np.tile([0.9, 0.1], (60, 1))
    wrong, right = np.ones(60, int), np.zeros(60, int)
    sets = ConformalSets.fit(
        {ANY: (rows, right), "audio+text": (rows, wrong), "face": (rows[:49], wrong[:49]), "audio": (rows, right)}
    )
    assert sets is not None and set(sets.subsets) == {ANY, "audio+text", "audio"}
    assert sets.select([0.9, 0.1], ("text", "audio"), 0.9) == PredictionSet((0, 1), 0.9, uncertain=True)
    assert sets.select([0.9, 0.1], ("audio",), 0.9).labels == (0,)
    assert sets.select([0.9, 0.1], ("face",), 0.9).labels == (0,)  # too few: the scores of any
    assert name_subset({"text", "audio"}) == "audio+text"
    assert ConformalSets.fit({ANY: (np.zeros((0, 2)), np.zeros(0, int))}) is None


def test_they_come_back_from_a_file(tmp_path: Path) -> None:
    sets = ConformalSets({ANY: ScoreQuantiles.fit(np.random.default_rng(0).random(321))})
    assert ConformalSets.load(tmp_path) is None
    sets.save(tmp_path)
    assert ConformalSets.load(tmp_path) == sets


@pytest.mark.parametrize(
    "subsets",
    [3, {}, {"any": 3}, {"any": {"count": 2, "scores": [0.1]}}, {"any": {"count": 1, "scores": ["x"]}},
     {"any": {"count": 1, "scores": [float("nan")]}}, {"text": {"count": 1, "scores": [0.1]}}],
)  # fmt: skip
def test_a_damaged_file_is_refused(tmp_path: Path, subsets: object) -> None:
    (tmp_path / "conformal.json").write_text(json.dumps({"subsets": subsets}))
    with pytest.raises(RunError, match=r"conformal\.json .*the folder is damaged"):
        ConformalSets.load(tmp_path)


@pytest.mark.parametrize("coverage", [0.0, 1.0, -1.0, 90.0, float("nan")])
def test_a_coverage_is_a_share(coverage: float) -> None:
    with pytest.raises(ConfigError, match="is not between 0 and 1"):
        check_coverage(coverage)
