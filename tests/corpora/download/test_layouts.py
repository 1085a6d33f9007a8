import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora.download.layouts import EKMAN, GOEMOTIONS, GROUPS, group_line
from mmerc.emotions import SEVEN
from mmerc.errors import CorpusError


def test_every_emotion_is_in_one_group() -> None:
    members = [name for names in EKMAN.values() for name in names]
    assert sorted(members) == sorted(GOEMOTIONS) and len(GOEMOTIONS) == 28
    assert tuple(EKMAN) == SEVEN.names


@pytest.mark.parametrize(
    ("line", "grouped"),
    [
        # Ids in the published train.tsv, and in a copy that was grouped by others.
        ("x\t8,20\tef4qmod", "x\t3\tef4qmod"),
        ("x\t6,22\teczq8zg", "x\t6\teczq8zg"),
        ("x\t6,9,27\tefdlhs1", "x\t4,5,6\tefdlhs1"),
        ("x\t3,9,26\teer5434", "x\t0,5,6\teer5434"),
        ("x\t10,27\tee4peop", "x\t0,4\tee4peop"),
        ('"a ""b"" "\t2,3\teczjljm', '"a ""b"" "\t0\teczjljm'),
        ("", ""),
    ],
)
def test_ids_are_grouped(line: str, grouped: str) -> None:
    assert group_line(line, "train.tsv line 1") == grouped


@pytest.mark.parametrize("line", ["x\t28\te", "x\tjoy\te", "x", "x\t\te"])
def test_other_ids_are_refused(line: str) -> None:
    with pytest.raises(CorpusError, match="train.tsv line 1: .* is not a list of ids from 0 to 27"):
        group_line(line, "train.tsv line 1")


@given(st.lists(st.integers(0, 27), min_size=1, max_size=5))
def test_groups_are_sorted_and_differ(ids: list[int]) -> None:
    found = [int(label) for label in group_line(f"x\t{','.join(map(str, ids))}\te", "line").split("\t")[1].split(",")]
    assert found == sorted({GROUPS[label] for label in ids})
