from mmerc.corpora.transcripts.cue import Cue, Line
from mmerc.corpora.transcripts.words import Word, group_words, join_words


def group(*words: Word) -> list[tuple[float, float | None, str, str]]:
    return [(cue.start, cue.end, cue.lines[0].text, cue.lines[0].speaker) for cue in group_words(words)]


def test_a_speaker_or_a_pause_ends_an_utterance() -> None:
    assert group(
        Word("Hi", 0.0, 0.4, "A"),
        Word("all.", 0.5, 0.9, "A"),
        Word("Yo.", 1.0, 1.2, "B"),
        Word("So", 2.5, 2.7, "B"),
    ) == [(0.0, 0.9, "Hi all.", "A"), (1.0, 1.2, "Yo.", "B"), (2.5, 2.7, "So", "B")]


def test_words_without_times_belong_to_the_word_before() -> None:
    assert group(Word("5", None, None), Word("times", 1.0, 1.5), Word(".", None, None)) == [
        (0.0, 0.0, "5", ""),
        (1.0, 1.5, "times.", ""),
    ]
    assert group(Word("Hi", 1.0, None), Word("you", 1.2, 1.5)) == [(1.0, 1.5, "Hi you", "")]


def test_long_speech_is_cut() -> None:
    sentences = [Word("a." if number % 5 == 4 else "a", number / 2, number / 2 + 0.5) for number in range(100)]
    assert [(cue.start, cue.end) for cue in group_words(sentences)] == [(0, 15), (15, 30), (30, 45), (45, 50)]
    endless = [Word("a", number / 2, number / 2 + 0.5) for number in range(100)]
    assert [(cue.start, cue.end) for cue in group_words(endless)] == [(0, 30), (30, 50)]


def test_numbers_continue() -> None:
    assert list(group_words([Word("a", 0.0, 1.0)], number=7)) == [Cue(0.0, 1.0, (Line("a"),), 7)]
    assert list(group_words([])) == []


def test_running_text() -> None:
    assert join_words(["Well", ",", "don't", "go", "!"]) == "Well, don't go!"
    assert join_words([" I", " am", "'t", " x"]) == "I am 't x"
    assert join_words(["今", "日", "は", "Tokyo", "。"]) == "今日は Tokyo。"
    assert join_words([]) == ""
