import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmerc.corpora.download.fer2013 import convert_fer2013
from mmerc.corpora.download.sources import FileSource, RemoteFile
from mmerc.corpora.readers.fer2013 import read_fer2013
from mmerc.errors import CorpusError
from tests.corpora.download.published import pack_tar

PIXELS = " ".join(str(number % 256) for number in range(48 * 48))


def convert(mirror: Path, rows: str) -> Path:
    (mirror / "fer2013").mkdir()
    (mirror / "fer2013" / "a.tar.gz").write_bytes(
        pack_tar({"fer2013/fer2013.csv": f"emotion,pixels,Usage\n{rows}".encode()})
    )
    out = mirror.parent / "out"
    out.mkdir()
    convert_fer2013(FileSource("fer2013", mirror / "downloads"), (RemoteFile("a.tar.gz", None),), out)
    return out


def test_pictures_keep_their_pixels(mirror: Path) -> None:
    corpus = read_fer2013(convert(mirror, f"0,{PIXELS},Training\n6,{PIXELS},PrivateTest\n"))
    (first,) = corpus.utterances("train")
    assert (first.utterance, first.emotion) == ("Training_00000.png", "anger")
    assert [each.emotion for each in corpus.utterances("test")] == ["neutral"] and "dev" not in corpus.splits
    image = Image.open(io.BytesIO(first.signals["face"]))
    assert image.size == (48, 48) and np.array_equal(np.asarray(image).ravel(), np.arange(48 * 48) % 256)


@pytest.mark.parametrize(
    "row",
    [
        "9,1 2,Training",
        "0,1 2,Training",
        f"0,{PIXELS},Other",
        f"x,{PIXELS},Training",
        f"0,{PIXELS[:-3]}256,Training",
        "0",
    ],
)
def test_a_damaged_row_is_refused(mirror: Path, row: str) -> None:
    with pytest.raises(CorpusError, match=r"a.tar.gz: picture 1 of fer2013.csv is damaged: download the archive again"):
        convert(mirror, f"0,{PIXELS},Training\n{row}\n")
