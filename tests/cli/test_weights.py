from tests.cli.run import run


def test_weights_are_listed_with_their_licence() -> None:
    shown = run("weights", "list").stdout
    for name in ("mtcnn", "yunet", "vggface2", "casia-webface", "wavernn-ljspeech", "MIT"):
        assert name in shown
