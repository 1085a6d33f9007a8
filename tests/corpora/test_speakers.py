import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora.speakers import split_names

CAST = {"Ann", "Bo", "Smith, Ann", "Lee, Bob, MD"}


@pytest.mark.parametrize(
    ("name", "people"),
    [
        ("Ann and Bo", ("Ann", "Bo")),
        ("Ann AND Bo", ("Ann", "Bo")),
        ("Ann & Bo", ("Ann", "Bo")),
        ("Ann/Bo", ("Ann", "Bo")),
        ("Bo, Ann", ("Bo", "Ann")),
        ("Smith, Ann", ()),  # one person, although "Ann" is another
        ("Lee, Bob, MD", ()),
        ("Smith, Ann and Lee, Bob, MD", ("Smith, Ann", "Lee, Bob, MD")),
        ("Ann and Carl", ()),
        ("Sandy", ()),
        ("Ann", ()),
        ("", ()),
        ("Ann, " * 5000 + "Bo", ()),
    ],
)
def test_names_are_split_where_each_part_is_known(name: str, people: tuple[str, ...]) -> None:
    assert split_names(name, CAST) == people


@given(st.lists(st.sampled_from(["Ann", "Bo", "Smith, Al", "Lee & Sons"]), min_size=2, max_size=5), st.data())
def test_a_list_of_known_names_is_read_back(names: list[str], data: st.DataObject) -> None:
    separators = [data.draw(st.sampled_from([" and ", " & ", "/", ", "])) for _ in names[1:]]
    listed = names[0] + "".join(separator + name for separator, name in zip(separators, names[1:], strict=True))
    assert split_names(listed, {"Ann", "Bo", "Smith, Al", "Lee & Sons"}) == tuple(names)
