from mmerc.suffixes import AUDIO_SUFFIXES, MEDIA_SUFFIXES, PICTURE_SUFFIXES, VIDEO_SUFFIXES


def test_a_suffix_has_one_kind_and_is_in_lower_case() -> None:
    kinds = (AUDIO_SUFFIXES, VIDEO_SUFFIXES, PICTURE_SUFFIXES)
    assert sum(map(len, kinds)) == len(MEDIA_SUFFIXES)
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in MEDIA_SUFFIXES)


def test_what_people_send_is_known() -> None:
    for suffix in (".mp4", ".mkv", ".webm", ".gif", ".wav", ".flac", ".aiff", ".oga", ".m4b", ".mka", ".3gp", ".jpg"):
        assert suffix in MEDIA_SUFFIXES
