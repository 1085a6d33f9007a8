import inspect

from mmerc import errors


def test_what_a_clip_lacks_is_a_missing_modality_and_all_is_the_users_to_mend() -> None:
    kinds = {name: kind for name, kind in inspect.getmembers(errors, inspect.isclass)}
    assert all(issubclass(kind, errors.MmercError) for kind in kinds.values())
    media = {name for name, kind in kinds.items() if issubclass(kind, errors.MediaError)}
    streams = {"NoAudioStream", "NoVideoStream"}
    assert media == {"MediaError", "ClipNotFound", "ClipUnreadable", "NoAudio", "NoVideo", *streams}
    assert issubclass(errors.NoAudioStream, errors.NoAudio) and issubclass(errors.NoVideoStream, errors.NoVideo)
    assert all(issubclass(kinds[name], errors.MissingModality) for name in (*media, "NoFace"))
