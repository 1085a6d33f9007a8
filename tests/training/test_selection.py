from mmerc.config import TrainingConfig
from mmerc.training.selection import find_best_score, is_finished


def test_early_stopping_after_patience() -> None:
    def history(*scores: float) -> list[dict[str, float]]:
        return [{"dev_f1_weighted": score} for score in scores]

    config = TrainingConfig(epochs=10, patience=2)
    assert not is_finished(history(), config)
    assert not is_finished(history(0.5, 0.4), config)
    assert is_finished(history(0.5, 0.4, 0.5), config)
    assert is_finished(history(*[0.1] * 10), config)
    assert find_best_score(history(0.5, 0.6, 0.4)) == 0.6 and find_best_score([]) == -1.0
