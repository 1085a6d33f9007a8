import inspect

from mmerc import errors
from mmerc.errors import MAX_CHARACTERS, CorpusError


def test_what_a_clip_lacks_is_a_missing_modality_and_all_is_the_users_to_mend() -> None:
    kinds = {name: kind for name, kind in inspect.getmembers(errors, inspect.isclass)}
    assert all(issubclass(kind, errors.MmercError) for kind in kinds.values())
    media = {name for name, kind in kinds.items() if issubclass(kind, errors.MediaError)}
    streams = {"NoAudioStream", "NoVideoStream"}
    assert media == {"MediaError", "ClipNotFound", "ClipUnreadable", "NoAudio", "NoVideo", *streams}
    assert issubclass(errors.NoAudioStream, errors.NoAudio) and issubclass(errors.NoVideoStream, errors.NoVideo)
    assert all(issubclass(kinds[name], errors.MissingModality) for name in (*media, "NoFace"))


def test_a_sentence_that_quotes_much_of_a_file_keeps_its_beginning_and_its_end() -> None:
    sentence = str(CorpusError(f"t.csv lacks the column text (found: {'A' * 5000}): add it to the header line."))
    assert len(sentence) == MAX_CHARACTERS and sentence.startswith("t.csv lacks the column text (found: AAA")
    assert "A…A" in sentence and sentence.endswith("): add it to the header line.")
    assert str(CorpusError("short.")) == "short."
