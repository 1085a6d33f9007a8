import pytest

from mmerc.corpora.transcripts.names import Prefix, find_prefix
from mmerc.corpora.transcripts.speakers import Speakers


def find_names(*lines: str, called: tuple[str, ...] = (), known: tuple[str, ...] = ()) -> list[str]:
    """The speaker of each line of a file; empty where it names none."""
    prefixes = [find_prefix(line) for line in lines]
    calls = [prefix for line in called if (prefix := find_prefix(line))]
    speakers = Speakers(prefixes, [], calls, known)
    return [prefix.name if prefix and speakers.is_speaker(prefix) else "" for prefix in prefixes]


PLAIN = ("Good morning.", "It is late.", "We must go.", "Yes.", "No.")


@pytest.mark.parametrize(
    "line", ["Note: this is it.", "Remember: be kind.", "One thing: go.", "er sagte: nein", "NOTE: no"]
)
def test_once_among_plain_sentences_is_no_speaker(line: str) -> None:
    assert find_names(*PLAIN, line) == [""] * 6


def test_names_that_recur() -> None:
    assert find_names("Ann: Hi.", "Bob: Hi.", *PLAIN, "Ann: Bye.", "Bob: Bye.", "Waiter: Sir?") == [
        "Ann", "Bob", "", "", "", "", "", "Ann", "Bob", "Waiter",
    ]  # fmt: skip


def test_a_file_of_that_kind() -> None:
    lines = ("Ann Smith (she/her): Hi.", "bob jones: Hi.", "Smith, Ann: Hi.", "iPad de Juan: Hola.")
    assert find_names(*lines) == ["Ann Smith (she/her)", "bob jones", "Smith, Ann", "iPad de Juan"]


def test_capitals_as_in_subtitles() -> None:
    assert find_names(*PLAIN, "MAN: Stop!", "WOMAN: No!") == ["", "", "", "", "", "MAN", "WOMAN"]


def test_labels_need_no_company() -> None:
    assert find_names(*PLAIN, "Speaker 0: Hi.")[-1] == "Speaker 0"


def test_brackets_are_names_where_most_lines_have_them() -> None:
    assert find_names("[Ann] Hi.", "[Bob] Hi.", "[Ann] Bye.") == ["Ann", "Bob", "Ann"]
    assert find_names(*PLAIN, "[Thunder] Oh!")[-1] == ""


def test_chevrons_and_the_format_name_speakers() -> None:
    assert find_names("Ann: Hi.", *PLAIN, called=("Ann: Hi.",))[0] == "Ann"
    assert find_names("ANN: Hi.", "Bob: Hi.", "Bob: Hi.", known=("Ann",)) == ["ANN", "", ""]


def test_no_cue_at_all() -> None:
    assert not Speakers([], [], [], []).is_speaker(Prefix("Ann", "title", 5))
