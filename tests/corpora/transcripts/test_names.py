import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora.transcripts.names import find_prefix


@pytest.mark.parametrize(
    ("line", "name", "kind"),
    [
        ("ROSS: Hi.", "ROSS", "caps"),
        ("ROSS:Hi.", "ROSS", "caps"),
        ("ROSS (O.S.): Hi.", "ROSS", "caps"),
        ("MAN (IN SUIT): Hi.", "MAN", "caps"),
        ("Dr. Green: Hi.", "Dr. Green", "title"),
        ("Joey and Ross: Hi!", "Joey and Ross", "title"),
        ("Ann Smith (she/her): Hi.", "Ann Smith (she/her)", "title"),
        ("Smith, Ann: Hi.", "Smith, Ann", "title"),
        ("Will: Hi.", "Will", "title"),
        ("Dr. Jörg von Weiß: Wie geht es?", "Dr. Jörg von Weiß", "title"),
        ("Özlem & Ann: Ja", "Özlem & Ann", "title"),
        ("小明：你好", "小明", "title"),
        ("राम: नमस्ते", "राम", "title"),
        ("SPEAKER 1: Hi.", "SPEAKER 1", "label"),
        ("[SPEAKER_00]: Well.", "SPEAKER_00", "label"),
        ("Speaker A: Well.", "Speaker A", "label"),
        ("bob jones: I am late.", "bob jones", "other"),
        ("iPad de Juan: Hola.", "iPad de Juan", "other"),
        ("von Weiß: Ja", "von Weiß", "other"),
        ("قال لي: لا", "قال لي", "other"),
        ("0: Hi", "0", "other"),
        ("[Ross]: Hi", "Ross", "title"),
        ("[Ross] Hi", "Ross", "bracket"),
        ("ROSS:", "ROSS", "caps"),
    ],
)
def test_prefixes(line: str, name: str, kind: str) -> None:
    prefix = find_prefix(line)
    assert prefix is not None
    assert (prefix.name, prefix.kind) == (name, kind)


@pytest.mark.parametrize(
    "line",
    [
        "He said: no.",
        "It is 10:30 now",
        "Um 10：30 Uhr",
        "See https://example.org: it is good",
        "Note: this is all.",
        "NOTE: this is all.",
        "[laughs] Well.",
        "[LAUGHTER] Well.",
        "[Door closes] Well.",
        "What? Ann: hi",
        "Hello. Ann: hi",
        "",
        ":",
        ": hi",
        "A" * 5000,
        "A A " * 500 + ": hi",
        "one two three four five six seven: hi",
    ],
)
def test_what_cannot_be_a_name(line: str) -> None:
    assert find_prefix(line) is None


@given(st.text(max_size=80))
def test_any_line_has_a_prefix_inside_it_or_none(line: str) -> None:
    prefix = find_prefix(line)
    assert prefix is None or (prefix.name and 0 < prefix.end <= len(line))
