import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora.encoding import decode_text

HEADER = "dialogue,utterance,speaker,text\n"
CHINESE = HEADER + "1,0,小明,你好，今天怎么样？\n1,1,小红,我很高兴见到你\n"


@pytest.mark.parametrize(
    ("encoding", "name", "guessed"),
    [
        ("utf-8", "UTF-8", False),
        ("utf-8-sig", "UTF-8", False),
        ("utf-16", "UTF-16", False),
        ("utf-32", "UTF-32", False),
        ("utf-16-le", "UTF-16", True),
        ("utf-16-be", "UTF-16", True),
        ("utf-32-le", "UTF-32", True),
        ("utf-32-be", "UTF-32", True),
        ("gb18030", "GB18030", True),
    ],
)
def test_every_encoding_gives_the_same_text(encoding: str, name: str, guessed: bool) -> None:
    assert decode_text(CHINESE.encode(encoding)) == (CHINESE, name, guessed)


@pytest.mark.parametrize(
    ("text", "encoding", "name"),
    [
        ("Ann,Café", "cp1252", "Windows-1252"),
        ("Ann,Don’t “go” — please…", "cp1252", "Windows-1252"),
        ("Анна,Привет, как дела? Всё хорошо", "cp1251", "Windows-1251"),
        ("Анна,Привет, как дела? Всё хорошо", "koi8-r", "KOI8-R"),
        ("Άννα,Καλημέρα τι κάνεις", "cp1253", "Windows-1253"),
        ("田中,こんにちは、元気ですか", "cp932", "CP932"),
        ("민수,안녕하세요 어떻게 지내세요", "cp949", "CP949"),
    ],
)
def test_an_encoding_that_is_not_declared_is_guessed(text: str, encoding: str, name: str) -> None:
    assert decode_text((HEADER + text).encode(encoding)) == (HEADER + text, name, True)


def test_utf8_with_one_damaged_byte_stays_utf8() -> None:
    assert decode_text("Größe, Füße, schöne Grüße".encode() + b"\xff") == (
        "Größe, Füße, schöne Grüße\ufffd",
        "UTF-8",
        True,
    )


def test_bytes_that_are_no_text_keep_their_zeros() -> None:
    assert "\0" in decode_text(b"PK\x03\x04\0\0\0\0abc\0")[0]


@given(st.binary(max_size=300))
def test_any_bytes_give_text(data: bytes) -> None:
    text, name, _ = decode_text(data)
    assert isinstance(text, str) and name
