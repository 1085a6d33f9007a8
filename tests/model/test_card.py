from pathlib import Path


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
