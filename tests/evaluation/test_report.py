import re
import shutil
from pathlib import Path

from mmerc.evaluation.report import write_report


def test_one_file_with_tables_and_figures_and_no_network(small_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    html = write_report(run).read_text()
    assert not re.search(r"""(src|href)=["'](?!data:)""", html) and "<script" not in html and "@import" not in html
    for heading in (
        "Results on test",
        "Results on dev",
        "The corpus",
        "Missing modalities",
        "Training",
        "How it was made",
    ):
        assert heading in html
    assert html.count("data:image/png;base64,") == 2 * 7 + 2  # a split: four confusions, selective, reliability, t-SNE
    assert "&lt;" not in html.split("</style>")[0]
    assert (run / "metrics.json").is_file()


def test_names_from_the_corpus_are_escaped(tmp_path: Path) -> None:
    from mmerc import load_config, open_corpus, train

    rows = "".join(
        f"{dialogue},{turn},A,{text},{label},{split}\n"
        for split, dialogues in (("train", range(4)), ("dev", range(4, 6)))
        for dialogue in dialogues
        for turn, (text, label) in enumerate(
            (("<script>alert(1)</script>", "joy"), ("sad words", "hapy" if dialogue == 4 else "sadness"))
        )
    )
    file = tmp_path / "<b>talk.csv"
    file.write_text("dialogue,utterance,speaker,text,emotion,split\n" + rows)
    run = tmp_path / "run"
    train(open_corpus(f"table:{file}"), run, load_config("smoke", None, ["text.epochs=1"], modalities=["text"]))
    html = write_report(run).read_text()
    assert "<script" not in html and "<b>talk" not in html and "&lt;b&gt;talk" in html
