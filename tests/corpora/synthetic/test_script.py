from collections import Counter

from mmerc.corpora.synthetic.script import FREQUENCY, SIGNS, write_script


def test_no_single_modality_tells_all_but_any_two_nearly_do() -> None:
    def told(*kinds: str) -> int:
        return len({tuple(getattr(signs, kind) for kind in kinds) for signs in SIGNS.values()})

    assert (told("theme"), told("tone"), told("expression")) == (4, 3, 4)
    assert told("theme", "tone") == 7
    assert told("theme", "expression") >= 6
    assert told("tone", "expression") >= 5


def test_the_script_is_the_same_for_the_same_seed_and_lacks_modalities() -> None:
    script = list(write_script(60, 8, seed=5))
    assert script == list(write_script(60, 8, seed=5))
    assert script != list(write_script(60, 8, seed=6))
    assert Counter(turn.emotion for turn in script).keys() == FREQUENCY.keys()
    assert 10 < sum(turn.expression is None for turn in script) < 80
    assert 10 < sum(turn.tone is None for turn in script) < 60
    assert any(not turn.has_clip for turn in script)
