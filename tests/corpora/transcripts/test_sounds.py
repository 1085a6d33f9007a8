import pytest

from mmerc.corpora.transcripts.sounds import is_manner, is_sound, remove_sounds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[Music]", ""),
        ("[LAUGHTER] Well, I never.", "Well, I never."),
        ("[Door closes] Who is there?", "Who is there?"),
        ("(laughs)", ""),
        ("(sighs deeply) No.", "No."),
        ("Well (laughs), I never.", "Well, I never."),
        ("♪ La la ♪", "La la"),
        ("♪♪", ""),
        ("*coughs* Sorry.", "Sorry."),
        ("I *really* mean it", "I *really* mean it"),
        ("【音楽】（笑）はい", "はい"),
        ("I was there (I think).", "I was there (I think)."),
        ("(And then I told him the whole story)", "(And then I told him the whole story)"),
        ("[unintelligible 00:12:03] yes [BLANK_AUDIO]", "yes"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("In (2) weeks", "In (2) weeks"),
        ("no sounds", "no sounds"),
    ],
)
def test_words_without_sounds(text: str, words: str) -> None:
    assert remove_sounds(text) == words


@pytest.mark.parametrize("label", ["Music", "APPLAUSE", "Lachen", "Rires", "Risas", "смех", "PHONE RINGS", "♪"])
def test_sounds(label: str) -> None:
    assert is_sound(label)


@pytest.mark.parametrize("label", ["Ross", "Ann Smith", "SPEAKER_00", "Jörg", "Mann"])
def test_people(label: str) -> None:
    assert not is_sound(label)


def test_manner() -> None:
    assert all(map(is_manner, ["O.S.", "V.O.", "O.S", "CONT'D", "on phone", "whispering"]))
    assert not any(map(is_manner, ["she/her", "Guest", "ACME"]))
