"""The catalogue of published corpora: what they are, where they come from, their licences, sizes and hashes.

Nothing here was downloaded to write it. A comment says where a size or a hash comes from; what no public record gives is left out.
"""

from dataclasses import dataclass

from mmerc.corpora.download.cremad import unpack_cremad
from mmerc.corpora.download.fer2013 import convert_fer2013
from mmerc.corpora.download.layouts import Layout, copy_files, group_goemotions, unpack_takes
from mmerc.corpora.download.sources import MIRROR, RemoteFile
from mmerc.corpora.readers import emodb, ravdess, tess
from mmerc.errors import CorpusError


@dataclass(frozen=True)
class PublishedCorpus:
    """A corpus that others publish.

    Attributes:
        kind: the KIND of its reader, and the name of its folder.
        content: what it is, in a few words.
        source: the page of its publisher.
        licence: under which conditions it may be used.
        citation: the paper.
        size: bytes of the download, about; 0 where no record gives it.
        utterances: their published number; 0 where mmerc does not fetch the corpus.
        files: what is downloaded.
        layout: fills the folder that the reader reads.
        is_acted: acted speech without published splits; `splits.csv` gets the split of each speaker.
        hint: how to apply for it, or what more there is.
    """

    kind: str
    content: str
    source: str
    licence: str
    citation: str
    size: int = 0
    utterances: int = 0
    files: tuple[RemoteFile, ...] = ()
    layout: Layout = copy_files
    is_acted: bool = False
    hint: str = ""

    @property
    def has_address(self) -> bool:
        """Whether all its files can be downloaded without a login."""
        return bool(self.files) and all(file.url for file in self.files)


MELD = "https://raw.githubusercontent.com/declare-lab/MELD/master/data/MELD"
GOEMOTIONS = "https://raw.githubusercontent.com/google-research/google-research/master/goemotions/data"
CREMAD = "https://github.com/CheyneyComputerScience/CREMA-D"
CREMAD_MEDIA = "https://media.githubusercontent.com/media/CheyneyComputerScience/CREMA-D/master"
FER2013 = "https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge"

CATALOGUE: dict[str, PublishedCorpus] = {
    entry.kind: entry
    for entry in (
        PublishedCorpus(
            kind="meld",
            content="1,432 dialogues of a TV series, English: the annotations with the words",
            source="https://github.com/declare-lab/MELD",
            licence="GPL-3.0 (annotations); the series is copyrighted",
            citation="Poria et al. 2019, MELD: A Multimodal Multi-Party Dataset for Emotion Recognition in Conversations, ACL",
            size=1_550_000,
            utterances=13_708,
            # Hashes of copies of the present files; their number of characters is that of the files of commit ca3e1266. No record
            # gives a hash of the test file.
            files=(
                RemoteFile(
                    "train_sent_emo.csv",
                    f"{MELD}/train_sent_emo.csv",
                    1_119_290,
                    "sha256:d2fa2d6529cf03cac2989efec05c9b27d8fd2f4c8fc5974c7ae88aa537fa02db",
                ),
                RemoteFile(
                    "dev_sent_emo.csv",
                    f"{MELD}/dev_sent_emo.csv",
                    121_640,
                    "sha256:2e89c6f8aa182d6f62f8c6331aece905ac7273ca4999660bfb5213e1d0370c1c",
                ),
                RemoteFile("test_sent_emo.csv", f"{MELD}/test_sent_emo.csv"),
            ),
            hint="The clips (10.9 GB) are at http://web.eecs.umich.edu/~mihalcea/downloads/MELD.Raw.tar.gz: unpack its three "
            "archives into the folder of the annotations",
        ),
        PublishedCorpus(
            kind="goemotions",
            content="54,263 Reddit comments, English: labels grouped after Ekman",
            source="https://github.com/google-research/google-research/tree/master/goemotions",
            licence="CC BY 4.0 (datasets of google-research); Apache-2.0 (its code)",
            citation="Demszky et al. 2020, GoEmotions: A Dataset of Fine-Grained Emotions, ACL",
            size=4_394_818,
            utterances=54_263,
            # Sizes and hashes: tensorflow/datasets, url_checksums/goemotions.txt.
            files=(
                RemoteFile(
                    "train.tsv",
                    f"{GOEMOTIONS}/train.tsv",
                    3_519_053,
                    "sha256:1c254a142be5c00e80d819b9ae1bbd36d94b2eeb8f4b1271846508d57e57d9c5",
                ),
                RemoteFile(
                    "dev.tsv",
                    f"{GOEMOTIONS}/dev.tsv",
                    439_059,
                    "sha256:575489c079c9de1097062a01738f998590d6b7ead66dd1c9fd1d2ba01fd8bc62",
                ),
                RemoteFile(
                    "test.tsv",
                    f"{GOEMOTIONS}/test.tsv",
                    436_706,
                    "sha256:0587b2dd8b27b97352adbfc3fb083d46005c8946657fdc2b1ca8b1cc7f1f8be4",
                ),
            ),
            layout=group_goemotions,
        ),
        PublishedCorpus(
            kind="ravdess",
            content="acted speech of 24 actors, English",
            source="https://zenodo.org/records/1188976",
            licence="CC BY-NC-SA 4.0",
            citation="Livingstone and Russo 2018, The Ryerson Audio-Visual Database of Emotional Speech and Song, PLOS ONE",
            size=208_468_073,
            utterances=1_440,
            # Size and MD5: Zenodo's record 1188976, as several public repositories quote it.
            files=(
                RemoteFile(
                    "Audio_Speech_Actors_01-24.zip",
                    "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip?download=1",
                    208_468_073,
                    "md5:bc696df654c87fed845eb13823edef8a",
                ),
            ),
            layout=unpack_takes(ravdess.parse_take, has_folders=True),
            is_acted=True,
        ),
        PublishedCorpus(
            kind="cremad",
            content="acted speech of 91 actors, English: the sound",
            source=CREMAD,
            licence="Open Database License 1.0; contents: Database Contents License 1.0",
            citation="Cao et al. 2014, CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset, IEEE TAC",
            size=606_000_000,  # the sum over the pointers, as a public repository reports it
            utterances=7_442,
            # The archive of a branch has no fixed hash. The pointers in it have the hashes of the recordings.
            files=(
                RemoteFile("CREMA-D-master.zip", f"{CREMAD}/archive/refs/heads/master.zip"),
                RemoteFile("AudioWAV", f"{CREMAD_MEDIA}/AudioWAV"),
            ),
            layout=unpack_cremad,
            is_acted=True,
        ),
        PublishedCorpus(
            kind="emodb",
            content="acted speech of 10 speakers, German",
            source="http://emodb.bilderbar.info",
            licence="free for research; cite the paper",
            citation="Burkhardt et al. 2005, A Database of German Emotional Speech, Interspeech",
            size=40_500_000,  # as MATLAB's example with this corpus says
            utterances=535,
            # No record gives a hash. The archive checks each recording by its CRC-32.
            files=(RemoteFile("download.zip", "http://emodb.bilderbar.info/download/download.zip"),),
            layout=unpack_takes(emodb.parse_take, has_folders=False),
            is_acted=True,
        ),
        PublishedCorpus(
            kind="tess",
            content="acted speech of two women, English",
            source="https://doi.org/10.5683/SP2/E8H2MF",
            licence="CC BY-NC-ND 4.0",
            citation="Pichora-Fuller and Dupuis 2020, Toronto emotional speech set (TESS), Borealis",
            size=268_000_000,  # as public repositories report it; the server makes the archive for each request, so it has no hash
            utterances=2_800,
            files=(
                RemoteFile(
                    "tess.zip",
                    "https://borealisdata.ca/api/access/dataset/:persistentId/?persistentId=doi:10.5683/SP2/E8H2MF",
                ),
            ),
            layout=unpack_takes(tess.parse_take, has_folders=False),
            is_acted=True,
        ),
        PublishedCorpus(
            kind="fer2013",
            content="35,887 faces of 48 x 48 pixels",
            source=FER2013,
            licence="rules of the Kaggle competition; for research",
            citation="Goodfellow et al. 2013, Challenges in Representation Learning: A report on three machine learning contests, ICONIP",
            utterances=35_887,
            # SHA-1: skdata's loader of this archive, `TGZ_SHA1`.
            files=(RemoteFile("fer2013.tar.gz", None, None, "sha1:b0e7632c70853f4d3b6a2a73031dd8c71d8d536d"),),
            layout=convert_fer2013,
            hint=f"It has no public address: log in at {FER2013}/data, accept the rules, download fer2013.tar.gz, put it into a "
            f"folder fer2013, set {MIRROR} to the folder above it, and run the command again",
        ),
        PublishedCorpus(
            kind="savee",
            content="acted speech of four men, English",
            source="http://kahlan.eps.surrey.ac.uk/savee/",
            licence="free for research, after registration",
            citation="Haq and Jackson 2009, Speaker-dependent audio-visual emotion recognition, AVSP",
            hint="It has no public address: register at http://personal.ee.surrey.ac.uk/Personal/P.Jackson/SAVEE/Register.html, and "
            "unpack AudioData.zip into a folder savee",
        ),
        PublishedCorpus(
            kind="iemocap",
            content="acted conversations of 10 speakers, English",
            source="https://sail.usc.edu/iemocap/",
            licence="for research, after a signed request",
            citation="Busso et al. 2008, IEMOCAP: interactive emotional dyadic motion capture database, LREC 42",
            hint="It has no public address: send the form at https://sail.usc.edu/iemocap/iemocap_release.htm, and unpack the archive "
            "into a folder iemocap",
        ),
    )
}


def get_entry(kind: str) -> PublishedCorpus:
    """The catalogue's entry of this name.

    Raises:
        CorpusError: the catalogue has no such name.
    """
    if kind not in CATALOGUE:
        raise CorpusError(f'"{kind[:40]}" is not in the catalogue of corpora: choose from {", ".join(CATALOGUE)}.')
    return CATALOGUE[kind]
