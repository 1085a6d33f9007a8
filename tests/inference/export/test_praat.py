"""TextGrids as praatio sees them."""

from pathlib import Path

from praatio import textgrid

from mmerc.inference.export.praat import make_textgrid
from tests.inference.export.predictions import PROVENANCE, make_document, make_prediction


def test_praatio_reads_tiers_for_each_speaker(tmp_path: Path) -> None:
    document = make_document(
        make_prediction('"Hi"', 0.5, 1.0), make_prediction(None, 0.75, 2.0, speaker=""), make_prediction("a", 1.5, 1.5)
    )
    (tmp_path / "a.TextGrid").write_text(make_textgrid(document), encoding="utf-8")
    grid = textgrid.openTextgrid(str(tmp_path / "a.TextGrid"), includeEmptyIntervals=False)
    found = {tier.name: [tuple(entry) for entry in tier.entries] for tier in grid.tiers}
    assert found == {
        "words@Ann": [(0.5, 1.0, '"Hi"')],
        "emotion@Ann": [(0.5, 1.0, "joy")],
        "confidence@Ann": [(0.5, 1.0, "0.8")],
        "words-points@Ann": [(1.5, "a")],
        "emotion-points@Ann": [(1.5, "joy")],
        "confidence-points@Ann": [(1.5, "0.8")],
        "words": [],
        "emotion": [(0.75, 2.0, "joy")],
        "confidence": [(0.75, 2.0, "0.8")],
        "mmerc": [(0.0, 2.0, PROVENANCE.to_text())],
    }
    assert grid.maxTimestamp == 2.0
