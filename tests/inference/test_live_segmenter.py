"""Live input, segmented into utterances."""

from pathlib import Path

import numpy as np
import pytest

from mmerc import weights
from mmerc.corpora import Clip, Utterance
from mmerc.inference.live_segmenter import LiveSegmenter
from mmerc.media import SAMPLE_RATE, read_waveform
from mmerc.speakers.live import LiveSpeakers, find_encoder


def make_sound(seconds: float, level: float = 0.0) -> np.ndarray:
    return np.full(int(seconds * SAMPLE_RATE), level, np.float32)


def test_text_that_is_ended_by_a_call() -> None:
    segmenter = LiveSegmenter("Ann")
    segmenter.add_text("You came")
    segmenter.add_text("back!")
    (utterance,) = segmenter.finish()
    assert (utterance.text, utterance.speaker, utterance.start, utterance.end) == ("You came back!", "Ann", 0.0, 0.0)
    assert segmenter.finish() == []


def test_each_utterance_has_the_sound_and_the_images_of_its_time() -> None:
    segmenter = LiveSegmenter(detect_pauses=False)
    segmenter.add_image(b"before", 0.0)
    segmenter.add_audio(make_sound(1.0, 0.1))
    segmenter.add_image(b"first", 9.0)  # sound is the better clock
    segmenter.add_audio(make_sound(0.5, 0.2))
    (first,) = segmenter.finish()
    segmenter.add_audio(make_sound(0.6, 0.3))
    segmenter.add_image(b"second", 9.5)
    (second,) = segmenter.finish()
    assert first.live is not None and second.live is not None
    assert (first.start, first.end, second.start, second.end) == (0.0, 1.5, 1.5, 2.1)
    assert first.live.images == (b"before", b"first") and second.live.images == (b"second",)
    assert len(first.live.samples) == 1.5 * SAMPLE_RATE and first.live.samples[-1] == pytest.approx(0.2, abs=1e-3)
    # The second begins 0.2 s early, with the end of the first: that is where breath and consonants are.
    assert len(second.live.samples) == pytest.approx(0.8 * SAMPLE_RATE, abs=1)
    assert second.live.times == pytest.approx([0.8], abs=1e-3)


def test_the_images_of_an_utterance_that_goes_on() -> None:
    watching = LiveSegmenter()  # without sound: the images since the last utterance
    watching.add_image(b"one", 1.0)
    watching.add_image(b"two", 2.0)
    live = watching.peek_images()
    assert (live.images, live.times, live.start, len(live.samples)) == ((b"one", b"two"), (1.0, 2.0), 0.0, 0)
    live.memos[0]["found"] = True
    (utterance,) = watching.finish()
    assert utterance.live is not None and utterance.live.memos == ({"found": True}, {})
    assert watching.peek_images().images == ()
    listening = LiveSegmenter()
    listening.add_audio(make_sound(1.0))
    listening.add_image(b"in silence", 1.0)
    assert listening.peek_images().images == () and listening.pause == 0


def test_sound_that_begins_late() -> None:
    segmenter = LiveSegmenter(detect_pauses=False)
    segmenter.add_image(b"before", 60.0)
    segmenter.add_text("typed")
    (typed,) = segmenter.finish()
    segmenter.add_audio(make_sound(1.0, 0.1))
    segmenter.add_image(b"during", 61.0)
    segmenter.add_audio(make_sound(0.5, 0.2))
    (spoken,) = segmenter.finish()
    assert (typed.end, spoken.start, spoken.end) == (60.0, 60.0, 61.5)
    assert spoken.live is not None and len(spoken.live.samples) == 1.5 * SAMPLE_RATE
    assert spoken.live.images == (b"during",) and spoken.live.times == pytest.approx([1.0])  # after the first sample


@pytest.mark.realdata
def test_a_voice_after_typed_text_has_its_own_times(real_data: Path) -> None:
    voice = read_waveform(Clip(sorted((real_data / "ravdess").rglob("*.flac"))[0]))
    samples = np.concatenate([voice, np.zeros(SAMPLE_RATE, np.float32)])

    def segment(image_time: float) -> Utterance:
        segmenter, utterances = LiveSegmenter(), []
        if image_time:
            segmenter.add_image(b"x", image_time)
            segmenter.add_text("typed")
            segmenter.finish()
        for first in range(0, len(samples), 1600):
            utterances += segmenter.add_audio(samples[first : first + 1600])
        return utterances[0]

    alone, after = segment(0.0), segment(60.0)
    assert alone.start is not None and after.start == pytest.approx(60 + alone.start, abs=1e-3)
    assert alone.live is not None and after.live is not None
    assert np.array_equal(after.live.samples, alone.live.samples) and len(alone.live.samples) > 0.5 * SAMPLE_RATE


def test_memory_is_bounded() -> None:
    segmenter = LiveSegmenter(detect_pauses=False)
    for number in range(600):
        segmenter.add_audio(make_sound(0.5))
        segmenter.add_image(b"x", number)
    assert len(segmenter._samples) <= 31 * SAMPLE_RATE and len(segmenter._images) <= 300
    (utterance,) = segmenter.finish()
    assert utterance.end == 300.0 and utterance.start == 270.0


@pytest.mark.realdata
def test_a_pause_ends_an_utterance(real_data: Path) -> None:
    voice = read_waveform(Clip(sorted((real_data / "ravdess").rglob("*.flac"))[0]))
    silence = np.zeros(SAMPLE_RATE, np.float32)
    samples = np.concatenate([silence, voice, silence, silence])
    segmenter, utterances, pauses = LiveSegmenter(), [], []
    for first in range(0, len(samples), 1600):
        utterances += segmenter.add_audio(samples[first : first + 1600])
        pauses.append(segmenter.pause)
    (utterance,) = utterances
    assert pauses[0] == pauses[-1] == 0 and 0.4 < max(pauses) < 0.6  # then the utterance ends
    assert utterance.start is not None and utterance.end is not None
    assert 1.0 < utterance.start < utterance.end < 1.0 + len(voice) / SAMPLE_RATE + 0.2


@pytest.mark.realdata
def test_in_a_pause_the_utterance_is_known_as_it_will_end(real_data: Path) -> None:
    voice = read_waveform(Clip(real_data / "ravdess/Actor_01/03-01-01-01-01-01-01.flac"))
    sound = np.concatenate([voice, np.zeros(SAMPLE_RATE, np.float32)])
    segmenter, expected, ended = LiveSegmenter("Ann"), [], []
    assert segmenter.peek_end() is None
    for first in range(0, len(sound), 1600):
        segmenter.add_image(b"image", first / SAMPLE_RATE)
        ended += segmenter.add_audio(sound[first : first + 1600])
        ending = segmenter.peek_end()
        assert ending is None or segmenter.pause > 0
        if segmenter.pause >= 0.2:
            assert ending is not None
            expected.append(ending)
    (utterance,) = ended
    assert expected[-1].live is not None and utterance.live is not None
    assert (expected[-1].start, expected[-1].end) == (utterance.start, utterance.end)
    assert np.array_equal(expected[-1].live.samples, utterance.live.samples)
    assert expected[-1].live.times == utterance.live.times and expected[-1].live.memo is utterance.live.memo
    assert segmenter._memo is not utterance.live.memo  # that of the next one


def test_the_length_of_a_text_is_bounded() -> None:
    segmenter = LiveSegmenter(max_characters=10)
    for _ in range(1000):
        segmenter.add_text("")
    segmenter.add_text("12345")
    for _ in range(3):
        with pytest.raises(ValueError, match="more than 10 characters"):
            segmenter.add_text("678901")
    assert segmenter.text == "12345"


def test_the_bytes_of_images_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmerc.inference.live_segmenter.MAX_IMAGE_BYTES", 1000)
    segmenter = LiveSegmenter()
    for number in range(20):
        segmenter.add_image(bytes(300), number)
    assert len(segmenter._images) == 3 and segmenter._image_bytes == 900


@pytest.mark.realdata
def test_a_voice_that_goes_on_after_finish_is_the_next_utterance(real_data: Path) -> None:
    voice = read_waveform(Clip(sorted((real_data / "ravdess").rglob("*.flac"))[0]))
    samples = np.concatenate([voice, np.zeros(SAMPLE_RATE, np.float32)])
    segmenter, utterances, forced = LiveSegmenter(), [], []
    for first in range(0, len(samples), 1600):
        utterances += segmenter.add_audio(samples[first : first + 1600])
        if not forced and segmenter.speech_start is not None and segmenter.sound_end > segmenter.speech_start + 0.3:
            forced = segmenter.finish()
    (first_part,), (rest,) = forced, utterances
    assert first_part.end == rest.start and rest.end is not None and rest.end > rest.start + 0.3


def test_finish_without_force() -> None:
    images, silence, text = LiveSegmenter(), LiveSegmenter(), LiveSegmenter()
    images.add_image(b"x", 1.0)
    silence.add_audio(make_sound(1.0))
    text.add_audio(make_sound(1.0))
    text.add_text("Bye.")
    assert [len(segmenter.finish(force=False)) for segmenter in (images, silence, text, LiveSegmenter())] == [
        1,
        0,
        1,
        0,
    ]
    client_decides = LiveSegmenter(detect_pauses=False)
    client_decides.add_audio(make_sound(1.0))
    assert len(client_decides.finish(force=False)) == 1


def test_types_of_samples() -> None:
    segmenter = LiveSegmenter(detect_pauses=False)
    segmenter.add_audio(np.full(1600, 16_384, np.int16))
    segmenter.add_audio(np.full(1600, 0.5))
    segmenter.add_audio(np.float32([np.nan] * 1600))
    (utterance,) = segmenter.finish()
    assert utterance.live is not None and utterance.live.samples.dtype == np.float32
    assert utterance.live.samples.tolist() == [0.5] * 3200 + [0.0] * 1600
    for odd in (np.zeros((2, 8), np.float32), np.zeros(8, np.int64), np.array(["a"])):
        with pytest.raises(ValueError, match="give floats or 16-bit integers"):
            segmenter.add_audio(odd)


def make_talk(real_data: Path, seconds: float) -> np.ndarray:
    """Two voices of RAVDESS in turn, over another one, so that there is no pause."""
    files = sorted((real_data / "ravdess").rglob("*.flac"))
    tracks = []
    for offset in (0, 8000):
        voices = [read_waveform(Clip(files[index])) for index in (0, 500, 1, 501, 2, 502, 3, 503, 4)]
        tracks.append(np.concatenate([np.zeros(offset, np.float32), *voices])[: int(seconds * SAMPLE_RATE)])
    return np.asarray((tracks[0] + tracks[1][::-1] + np.roll(tracks[0], 20_000)) / 3, np.float32)


@pytest.mark.realdata
def test_speech_without_a_pause_is_cut_at_a_quiet_place(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmerc.inference.live_segmenter.MAX_SPEECH", 6.0)  # the talk pauses after 6.5 s
    talk = make_talk(real_data, 9)
    segmenter, utterances = LiveSegmenter(), []
    for first in range(0, len(talk), 20_000):
        utterances += segmenter.add_audio(talk[first : first + 20_000])
    times = [(utterance.start or 0.0, utterance.end or 0.0) for utterance in utterances]
    later = times[1][0] if times[1:] else segmenter.speech_start
    assert later == pytest.approx(times[0][1], abs=1e-3), "the voice goes on after the cut"
    assert all(0.25 <= end - start <= 7 for start, end in times)
    cut = int(times[0][1] * SAMPLE_RATE)
    around, speech = talk[cut - 1600 : cut + 1600], talk[int(times[0][0] * SAMPLE_RATE) : cut]
    assert np.square(around).mean() < 0.25 * np.square(speech).mean()


@pytest.mark.realdata
def test_what_there_is_of_an_utterance_can_be_read_before_it_ends(real_data: Path) -> None:
    segmenter = LiveSegmenter("Ann")
    assert segmenter.peek() is None
    segmenter.add_audio(make_talk(real_data, 3))
    segmenter.add_text("You", is_final=False)
    for _ in range(2):  # it does not end with it
        running = segmenter.peek()
        assert running is not None and running.live is not None and running.start is not None
        assert (running.speaker, running.text, running.end) == ("Ann", "You", 3.0)
        assert len(running.live.samples) == pytest.approx((3.0 - running.start) * SAMPLE_RATE, abs=4000)


def test_words_go_to_the_utterance_of_their_time() -> None:
    segmenter = LiveSegmenter("Ann", detect_pauses=False)
    segmenter.add_audio(make_sound(2.0, 0.1))
    segmenter.add_text("I cane", start=0.2, end=1.0, is_final=False)
    (first,) = segmenter.finish()
    segmenter.add_audio(make_sound(1.0, 0.1))
    assert first.text == "I cane"
    assert segmenter.add_text("next", start=2.2, end=2.6) == []
    (revised,) = segmenter.add_text("I came", start=0.2, end=1.0)
    assert (revised.text, revised.start, revised.end) == ("I came", 0.0, 2.0)
    assert revised.live is first.live
    assert segmenter.add_text("I came", start=0.2, end=0.9, is_final=False)[0].text == "I came I came"
    (second,) = segmenter.finish()
    assert second.text == "next"


def test_words_that_are_too_late() -> None:
    segmenter = LiveSegmenter(detect_pauses=False)
    for _ in range(3):
        segmenter.add_audio(make_sound(6.0, 0.1))
        segmenter.finish()
    segmenter.add_audio(make_sound(6.0, 0.1))
    with pytest.raises(ValueError, match="the words at 0.5 s are too late: send words within 10 s"):
        segmenter.add_text("late", start=0.0, end=1.0)
    assert segmenter.text == ""


@pytest.mark.realdata
def test_two_voices_without_a_pause_are_two_speakers_unless_the_client_names_one(real_data: Path) -> None:
    if weights.find("voice-encoder") is None:
        pytest.skip("needs `mmerc weights fetch voice-encoder`")
    encoder = find_encoder("auto")
    assert encoder is not None
    first, second = (
        [read_waveform(Clip(real_data / "ravdess" / f"Actor_{n}/03-01-01-01-0{k}-01-{n}.flac")) for k in (1, 2)]
        for n in (17, 22)
    )
    loud = [
        voice[slice(*np.flatnonzero(np.abs(voice) > 0.05 * np.abs(voice).max())[[0, -1]])]
        for voice in (*first, *second)
    ]
    samples = np.concatenate([*loud, np.zeros(SAMPLE_RATE, np.float32)])

    def segment(speaker: str) -> list[Utterance]:
        segmenter, utterances = LiveSegmenter(speaker, speakers=LiveSpeakers(encoder)), []
        for index in range(0, len(samples), 1600):
            utterances += segmenter.add_audio(samples[index : index + 1600])
        return utterances + segmenter.finish(force=False)

    utterances = segment("")
    assert [each.speaker for each in utterances] == ["speaker 1", "speaker 2"]
    change = sum(map(len, loud[:2])) / SAMPLE_RATE
    assert utterances[0].end == utterances[1].start == pytest.approx(change, abs=0.7)
    assert {each.speaker for each in segment("Ann")} == {"Ann"}
