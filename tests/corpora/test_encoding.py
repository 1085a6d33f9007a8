"""Texts in encodings that people use; the decoded text is what was written, and a guess is said to be one."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora.encoding import decode_any_encoding, read_text_any_encoding
from mmerc.errors import CorpusError

CUE = "1\n00:00:01,000 --> 00:00:02,000\n"


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"],
)
@pytest.mark.parametrize("words", ["Hello", "Ça va ?", "Привет, как дела?", "我今天早上去了商店"])
def test_unicode_is_no_guess(encoding: str, words: str) -> None:
    decoded = decode_any_encoding((CUE + words).encode(encoding))
    assert decoded is not None
    assert (decoded[0], decoded[2]) == (CUE + words, False)


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1251", "Привет, как дела?"),
        ("cp1251", "Добрый день. Я так рад вас видеть!"),
        ("koi8_r", "Привет, как дела? Я очень рад!"),
        ("cp1252", "Ça va there"),
        ("cp1252", "I can’t believe it – really…"),
        ("cp1252", "Das ist schön, Jörg."),
        ("mac_roman", "Das ist schön, Jörg. Größe!"),
        ("cp1250", "Cześć, nie mogę uwierzyć, że już jesteś."),
        ("cp1250", "Zażółć gęślą jaźń, cześć"),
        ("cp1254", "Günaydın, nasılsın? Teşekkürler"),
        ("cp1253", "Καλημέρα, τι κάνεις;"),
        ("cp1255", "שלום, מה שלומך? אני מאוד שמח לראות אותך כאן היום."),
        ("cp1256", "مرحبا كيف حالك"),
        ("gb18030", "你好，我很高兴见到你。"),
        ("big5", "你好，我很高興見到你。"),
        ("cp932", "こんにちは、元気ですか。"),
        ("euc_jp", "こんにちは、元気ですか。"),
        ("euc_kr", "안녕하세요, 반갑습니다."),
    ],
)
def test_a_legacy_encoding_is_guessed_from_one_line(encoding: str, words: str) -> None:
    decoded = decode_any_encoding((CUE + words).encode(encoding))
    assert decoded is not None
    assert (decoded[0], decoded[2]) == (CUE + words, True)


def test_one_damaged_byte_does_not_change_the_encoding() -> None:
    text = "日本語のテキスト、とても長い。"
    assert decode_any_encoding(text.encode() + b"\xff" + text.encode()) == (f"{text}\ufffd{text}", "utf-8", True)


def test_what_is_no_text(tmp_path: Path) -> None:
    assert decode_any_encoding(b"\x00\x01\x02\xff\xfe\x00\x00") is None
    (tmp_path / "a.srt").write_bytes(b"\x00\x01\x02\xff\xfe\x00\x00")
    with pytest.raises(CorpusError, match="a.srt is no text in any known encoding: export it again as UTF-8"):
        read_text_any_encoding(tmp_path / "a.srt")
    with pytest.raises(CorpusError, match="absent.srt cannot be read .*check the path"):
        read_text_any_encoding(tmp_path / "absent.srt")
    with pytest.raises(CorpusError, match="cannot be read"):
        read_text_any_encoding(tmp_path)


@given(st.binary(max_size=300))
def test_any_bytes_give_text_or_none(raw: bytes) -> None:
    decoded = decode_any_encoding(raw)
    assert decoded is None or isinstance(decoded[0], str)
