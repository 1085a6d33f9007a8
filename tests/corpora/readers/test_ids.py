import pytest

from mmerc.corpora.readers.ids import parse_id, parse_ids, parse_number, parse_split


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("12", 12), ("007", 7), ("1.0", 1), ("0.00", 0), ("3,0", 3), ("3.", 3),
     ("1.5", None), ("", None), ("x", None), ("-1", None), ("1e3", None), ("9" * 19, None), ("١", None)],
)  # fmt: skip
def test_whole_numbers(text: str, number: int | None) -> None:
    assert parse_number(text) == number


def test_an_id_is_a_number_only_where_it_is_written_as_one() -> None:
    assert [parse_id(text) for text in ("3", "03", "3.0", "ses1")] == [3, "03", "3.0", "ses1"]


@pytest.mark.parametrize(
    ("column", "ids"),
    [
        (["0.0", "1.0", ""], [0, 1]),
        (["0", "1.0"], [0, 1]),
        (["1.0", "1.1"], ["1.0", "1.1"]),
        (["1", "a"], [1, "a"]),
        (["001", "002"], ["001", "002"]),
        (["0,0", "10,0"], [0, 10]),
    ],
)
def test_a_column_decides_what_its_ids_are(column: list[str], ids: list[object]) -> None:
    assert list(parse_ids(column).values()) == ids


def test_splits_in_every_spelling() -> None:
    assert [parse_split(name) for name in ("", "VAL", "Development", "training", "Test", "fold 1", "held-out")] == [
        "test", "dev", "dev", "train", "test", "fold 1", "held-out (own)",
    ]  # fmt: skip
