"""EAF files as ELAN and pympi-ling see them."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pympi

from mmerc.corpora.transcripts.annotations import read_annotations
from mmerc.inference.export.elan import make_eaf
from tests.inference.export.predictions import LABELS, make_document, make_prediction

ROWS = (
    make_prediction("Hi & <bye>", 0.5, 1.0),
    make_prediction("No", 0.75, 2.0, speaker="Bo", emotion="a & b", confidence=0.5),
)


def test_pympi_reads_tiers_for_each_speaker(tmp_path: Path) -> None:
    (tmp_path / "a.eaf").write_text(make_eaf(make_document(*ROWS)), encoding="utf-8")
    eaf = pympi.Eaf(tmp_path / "a.eaf")
    assert list(eaf.get_tier_names()) == [
        f"{kind}@{name}" for name in ("Ann", "Bo") for kind in ("words", "emotion", "confidence")
    ]
    assert eaf.get_annotation_data_for_tier("words@Ann") == [(500, 1000, "Hi & <bye>")]
    assert eaf.get_ref_annotation_data_for_tier("emotion@Bo") == [(750, 2000, "a & b", "No")]
    assert eaf.get_ref_annotation_data_for_tier("confidence@Bo") == [(750, 2000, "0.5", "No")]
    assert eaf.get_parameters_for_tier("emotion@Bo")["PARENT_REF"] == "words@Bo"
    assert ("mmerc_model", "meld-3f9a01bc") in eaf.get_properties() and (
        "mmerc_trained_on",
        "MELD",
    ) in eaf.get_properties()
    assert [values[0][0] for values, _ in eaf.get_cv_entries("emotions").values()] == list(LABELS)


def test_a_continuous_dimension_is_a_tier(tmp_path: Path) -> None:
    row = make_prediction("Hi", 0.5, 1.0, dimensions={"valence": 3.25})
    (tmp_path / "a.eaf").write_text(make_eaf(make_document(row)), encoding="utf-8")
    eaf = pympi.Eaf(tmp_path / "a.eaf")
    assert eaf.get_ref_annotation_data_for_tier("valence@Ann") == [(500, 1000, "3.25", "Hi")]
    assert [each.emotion for each in read_annotations(tmp_path / "a.eaf")] == ["joy"]


def test_the_recording_is_linked_with_and_without_its_folder(tmp_path: Path) -> None:
    recording = tmp_path / "films" / "talk #1.wav"
    root = ET.fromstring(make_eaf(make_document(*ROWS, recording=recording, file=tmp_path / "out" / "a.eaf")).encode())
    media = root.find("HEADER/MEDIA_DESCRIPTOR")
    assert media is not None and media.attrib == {
        "MEDIA_URL": f"file://{recording}",
        "MIME_TYPE": "audio/x-wav",
        "RELATIVE_MEDIA_URL": "../films/talk #1.wav",
    }
    assert ET.fromstring(make_eaf(make_document(*ROWS)).encode()).find("HEADER/MEDIA_DESCRIPTOR") is None


def test_time_slots_are_in_the_order_of_their_times() -> None:
    root = ET.fromstring(make_eaf(make_document(*ROWS)).encode())
    assert [slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")] == ["500", "750", "1000", "2000"]
