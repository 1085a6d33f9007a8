from pathlib import Path

from mmerc.model.card import make_card


def test_the_card_says_what_the_model_is_and_what_it_is_not_for(small_run: Path) -> None:
    card = (small_run / "model" / "README.md").read_text()
    for part in (
        "anger, disgust, fear",
        "- text: gpt",
        "Dev weighted F1:",
        "later utterances are read too",
        "not what they feel",
        "Do not base a decision about a person on these predictions",
    ):
        assert part in card


def test_the_card_begins_with_the_warning() -> None:
    info = {"name": "m", "labels": ["a", "b"], "corpus": "c", "protocol": "online", "dev_f1_weighted": 0.5}
    assert "toy" not in make_card(info | {"warning": ""}, {})
    assert "recognition in conversation\n\n**It is a toy.**\n\nGives" in make_card(
        info | {"warning": "It is a toy."}, {}
    )
