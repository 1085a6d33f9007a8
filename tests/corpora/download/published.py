"""Small files in the layouts in which the corpora are published."""

import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import replace

from mmerc.corpora.download.catalogue import CATALOGUE, PublishedCorpus
from mmerc.corpora.download.sources import RemoteFile

MELD_HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\r\n"
MELD_ROW = '1,What?,Monica,surprise,negative,0,0,4,7,"00:21:01,927","00:21:03,261"\r\n'
SOUND = b"RIFF of a recording"


def pack_zip(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def pack_tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(buffer.getvalue())


def make_pointer(content: bytes) -> bytes:
    """What Git LFS leaves in place of a file."""
    checksum = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{checksum}\nsize {len(content)}\n".encode()


CREMAD_NAMES = ("1001_DFA_ANG_XX.wav", "1074_ITS_HAP_LO.wav", "1091_WSI_SAD_HI.wav")
PUBLISHED: dict[str, dict[str, bytes]] = {
    "meld": {f"{split}_sent_emo.csv": (MELD_HEADER + MELD_ROW).encode() for split in ("train", "dev", "test")},
    "goemotions": {
        "train.tsv": "Thanks, I hope so!\t15,20\teabc\nWhy, no!\t10,27\teabd\nOh 😝 wow.\t26\teabe\n".encode(),
        "dev.tsv": b"Hm.\t27\teabf\n",
        "test.tsv": b"Scary.\t14\teabg\n",
    },
    "ravdess": {
        "Audio_Speech_Actors_01-24.zip": pack_zip(
            {f"Actor_{actor}/03-01-03-01-01-01-{actor}.wav": SOUND for actor in ("01", "21", "24")}
        )
    },
    "emodb": {
        "download.zip": pack_zip(
            {"wav/03a01Fa.wav": SOUND, "wav/12a01Wa.wav": SOUND, "wav/16b10Lb.wav": SOUND}
            | {"erkennung.txt": b"x", "lablaut/03a01Fa.lablaut": b"x"}
        )
    },
    "tess": {
        "tess.zip": pack_zip(
            {"OAF_angry/OAF_back_angry.wav": SOUND, "YAF_ps/YAF_back_ps.wav": SOUND, "MANIFEST.TXT": b"x"}
            | {"copy/OAF_angry/OAF_back_angry.wav": SOUND}  # the published archive has each recording twice
        )
    },
    "cremad": {
        "CREMA-D-master.zip": pack_zip(
            {f"CREMA-D-master/AudioWAV/{name}": make_pointer(SOUND + name.encode()) for name in CREMAD_NAMES}
            | {"CREMA-D-master/AudioMP3/1001_DFA_ANG_XX.mp3": make_pointer(b""), "CREMA-D-master/README.md": b"x"}
        ),
        **{f"AudioWAV/{name}": SOUND + name.encode() for name in CREMAD_NAMES},
    },
    "fer2013": {
        "fer2013.tar.gz": pack_tar(
            {
                "fer2013/README": b"x",
                "fer2013/fer2013.csv": "\n".join(
                    ["emotion,pixels,Usage"]
                    + [f"{label},{' '.join(['7'] * 2304)},{usage}" for label, usage in enumerate(
                        ("Training", "Training", "PublicTest", "PrivateTest"), start=3
                    )]
                ).encode(),
            }
        )
    },
}  # fmt: skip
UTTERANCES = {"meld": 3, "goemotions": 5, "ravdess": 3, "emodb": 3, "tess": 2, "cremad": 3, "fer2013": 4}


def make_entry(kind: str, url: str) -> PublishedCorpus:
    """The catalogue's entry with the address of a server, and with the sizes and hashes of the small files where it has them."""
    entry = CATALOGUE[kind]
    files = []
    for file in entry.files:
        content = PUBLISHED[kind].get(file.name)
        checksum = f"sha256:{hashlib.sha256(content).hexdigest()}" if content and file.checksum else None
        size = len(content) if content and file.size else None
        files.append(RemoteFile(file.name, f"{url}/{kind}/{file.name}" if file.url else None, size, checksum))
    return replace(entry, files=tuple(files), utterances=UTTERANCES[kind])


def list_paths(kind: str) -> dict[str, bytes]:
    """The files of a corpus by their paths on the server."""
    return {f"/{kind}/{name}": content for name, content in PUBLISHED[kind].items()}
