from pathlib import Path

import pytest

from mmerc.corpora.embedded import extract_once, guess_suffix


def test_media_are_extracted_once_and_again_when_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path / "cache"))
    (source := tmp_path / "a.tar").write_bytes(b"one")
    with extract_once(source) as (folder, temporary):
        assert temporary is not None and not folder.exists()
        (temporary / "1.wav").write_bytes(b"sound")
    assert (folder / "1.wav").read_bytes() == b"sound"
    with extract_once(source) as again:
        assert again == (folder, None)
    source.write_bytes(b"another one")
    with extract_once(source) as (other, temporary):
        assert other != folder and temporary is not None


def test_a_failure_leaves_nothing_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path / "cache"))
    (source := tmp_path / "a.tar").write_bytes(b"one")
    with pytest.raises(KeyboardInterrupt), extract_once(source) as (_, temporary):
        (temporary / "1.wav").write_bytes(b"sound")  # type: ignore[operator]
        raise KeyboardInterrupt
    assert not list((tmp_path / "cache" / "corpora").iterdir())


@pytest.mark.parametrize(
    ("name", "data", "suffix"),
    [("x.WAV", b"", ".wav"), ("", b"RIFF....WAVE", ".wav"), ("a.txt", b"\0\0\0 ftypisom", ".mp4"), ("", b"", "")],
)
def test_the_suffix_is_that_of_the_name_or_of_the_content(name: str, data: bytes, suffix: str) -> None:
    assert guess_suffix(name, data) == suffix
