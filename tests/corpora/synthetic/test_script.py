from collections import Counter

from mmerc.corpora.synthetic.script import FREQUENCY, SIGNS, write_script


def test_no_single_modality_tells_all_but_any_two_nearly_do() -> None:
    def count_combinations(*kinds: str) -> int:
        return len({tuple(getattr(signs, kind) for kind in kinds) for signs in SIGNS.values()})

    assert (count_combinations("theme"), count_combinations("tone"), count_combinations("expression")) == (4, 3, 4)
    assert count_combinations("theme", "tone") == 7
    assert count_combinations("theme", "expression") >= 6
    assert count_combinations("tone", "expression") >= 5


def test_the_script_is_the_same_for_the_same_seed_and_lacks_modalities() -> None:
    script = list(write_script(60, 8, seed=5))
    assert script == list(write_script(60, 8, seed=5))
    assert script != list(write_script(60, 8, seed=6))
    assert Counter(utterance.emotion for utterance in script).keys() == FREQUENCY.keys()
    assert 10 < sum(utterance.expression is None for utterance in script) < 80
    assert 10 < sum(utterance.tone is None for utterance in script) < 60
    assert any(not utterance.has_clip for utterance in script)
