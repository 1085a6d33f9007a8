"""A notebook that is run by the kernel of Jupyter."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")


def run_cells(cells: list[str]) -> list[list[dict[str, Any]]]:
    """What each cell shows, in a new kernel."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute(env=environment)
    return [cell.outputs for cell in notebook.cells]


def find_tables(outputs: list[dict[str, Any]]) -> list[str]:
    """Each thing with a table that a cell shows, as HTML."""
    shown = (output.get("data", {}).get("text/html", "") for output in outputs)
    return [html for html in shown if "<table" in html]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Jupyter's own packages
def test_predictions_in_a_notebook(small_run: Path, small_corpus: Path) -> None:
    clip = sorted((small_corpus / "train_splits").iterdir())[0]
    outputs = run_cells(
        [
            f"from mmerc import Predictor\npredictor = Predictor.load({str(small_run / 'model')!r})",
            "predictor.predict_text('We won <b>!')",
            f"predictor.predict_recording({str(clip)!r}, progress=True)",
            f"for rows in predictor.predict_many([{str(clip)!r}, 'none.mp4'], workers=2, progress=True):\n    display(rows)",
            "import asyncio\nawait asyncio.to_thread(predictor.predict_text, 'We lost.')",
        ]
    )
    assert outputs[0] == []
    (html,) = find_tables(outputs[1])
    assert "We won &lt;b&gt;!" in html and "without" not in html
    assert any("application/vnd.jupyter.widget-view+json" in each.get("data", {}) for each in outputs[2])  # the bar
    assert clip.stem in find_tables(outputs[2])[0]
    first, second = find_tables(outputs[3])
    assert clip.stem in first and "audio, face" in first and "none.mp4" in second
    assert "We lost." in find_tables(outputs[4])[0]
