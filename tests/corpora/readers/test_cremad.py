from pathlib import Path

from mmerc.corpora.readers.cremad import parse_take, read_cremad


def test_names_tell_actor_words_emotion_and_split(tmp_path: Path) -> None:
    for name in ("AudioMP3/1001_DFA_ANG_XX.mp3", "AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1040_ITH_SAD_X.wav",
                 "AudioWAV/1080_IEO_HAP_HI.wav", "AudioWAV/1091_WSI_NEU_XX.wav", "AudioWAV/1001_DFA_CAL_XX.wav"):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    corpus = read_cremad(tmp_path)
    found = [(each.key, each.emotion, each.text) for split in corpus.splits for each in corpus.utterances(split)]
    assert found == [
        (("train", "1001", "1001_DFA_ANG_XX"), "anger", "Don't forget a jacket."),
        (("train", "1040", "1040_ITH_SAD_X"), "sadness", "I think I have a doctor's appointment."),
        (("dev", "1080", "1080_IEO_HAP_HI"), "joy", "It's eleven o'clock."),
        (("test", "1091", "1091_WSI_NEU_XX"), "neutral", "We'll stop in a couple of minutes."),
    ]
    clip = next(corpus.utterances("train")).clip
    assert clip is not None and clip.path.suffix == ".wav"
    assert [problem.where for problem in corpus.problems] == ["AudioWAV/1001_DFA_CAL_XX.wav"]


def test_names_of_something_else() -> None:
    names = ("1001_DFA_ANG.wav", "2001_DFA_ANG_XX.wav", "1001_DFA_ANG_ZZ.wav", "1001-DFA-ANG-XX.wav")
    assert [parse_take(Path(name)) for name in names] == [None] * 4
