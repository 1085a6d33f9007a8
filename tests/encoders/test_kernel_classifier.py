import pytest
import torch
from sklearn.kernel_ridge import KernelRidge

from mmerc.encoders.kernel_classifier import RIDGE, SHARPNESS, WIDTH, KernelClassifier, LabelledVectors

# Exclusive or: no line divides these labels.
CORNERS = torch.tensor([[-2.0, -2.0], [-2.0, 2.0], [2.0, -2.0], [2.0, 2.0]])
LABELS = torch.tensor([0, 1, 1, 0])


def label(vectors: torch.Tensor, labels: torch.Tensor, corpus: int = 0, num_labels: int = 2) -> LabelledVectors:
    shares = torch.nn.functional.one_hot(labels, num_labels).float()
    return LabelledVectors(vectors, shares, torch.full((len(labels),), corpus), torch.ones(len(labels)))


def fit(batches: list[LabelledVectors], landmarks: torch.Tensor, has_label: list[list[bool]]) -> KernelClassifier:
    return KernelClassifier.fit(batches, landmarks, torch.tensor(has_label))


def test_labels_that_no_line_divides_are_learned() -> None:
    classifier = fit([label(CORNERS, LABELS)], CORNERS, [[True, True]])
    assert classifier(CORNERS * 0.9).argmax(1).tolist() == LABELS.tolist()


def test_with_all_vectors_as_landmarks_it_is_kernel_ridge_regression() -> None:
    torch.manual_seed(0)
    vectors, labels = torch.randn(30, 4).half().float(), torch.arange(30) % 3
    batches = [label(vectors[:20], labels[:20], num_labels=3), label(vectors[20:], labels[20:], num_labels=3)]
    classifier = fit(batches, vectors, [[True] * 3])
    shares = torch.nn.functional.one_hot(labels, 3).double()
    reference = KernelRidge(alpha=RIDGE, kernel="rbf", gamma=WIDTH / 4).fit(vectors, shares - shares.mean(0))
    new = torch.randn(5, 4)
    expected = SHARPNESS * (torch.from_numpy(reference.predict(new)) + shares.mean(0))
    assert torch.allclose(classifier(new).double(), expected, atol=5e-3)


def test_few_landmarks_stand_for_many_vectors() -> None:
    torch.manual_seed(0)
    vectors = CORNERS.repeat(50, 1) + 0.3 * torch.randn(200, 2)
    classifier = fit([label(vectors, LABELS.repeat(50))], vectors[:20], [[True, True]])
    assert classifier.coefficients.shape == (20, 2)
    assert (classifier(vectors).argmax(1) == LABELS.repeat(50)).float().mean() > 0.99


def test_a_label_that_a_corpus_lacks_is_not_wrong_there() -> None:
    # Corpus 1 calls everything "0" and does not know "1". Near its vectors the score of "1" is that of corpus 0.
    first, second = label(CORNERS, LABELS, 0), label(CORNERS, torch.zeros(4, dtype=torch.long), 1)
    alone = fit([first], CORNERS, [[True, True]])
    joined = fit([first, second], CORNERS, [[True, True], [True, False]])
    assert torch.allclose(joined(CORNERS)[:, 1], alone(CORNERS)[:, 1], atol=1e-5)
    assert (joined(CORNERS)[:, 0] > alone(CORNERS)[:, 0] - 1e-5).all()


def test_corpora_have_the_same_weight() -> None:
    # The same vectors have another label in each corpus; the second corpus is 50 times as large.
    first = label(CORNERS, torch.zeros(4, dtype=torch.long), 0)
    second = label(CORNERS.repeat(50, 1), torch.ones(200, dtype=torch.long), 1)
    logits = fit([first, second], CORNERS, [[True, True]] * 2)(CORNERS)
    assert torch.allclose(logits[:, 0], logits[:, 1], atol=1e-4)


def test_equal_landmarks_and_a_label_that_no_corpus_has() -> None:
    classifier = fit([label(CORNERS, LABELS, num_labels=3)], CORNERS.repeat(2, 1), [[True, True, False]])
    logits = classifier(CORNERS)
    assert torch.isfinite(logits).all() and (logits[:, 2] == 0).all()
    assert logits.argmax(1).tolist() == LABELS.tolist()


def test_a_vector_of_weight_two_counts_as_two() -> None:
    doubled = label(torch.cat([CORNERS, CORNERS[:1]]), torch.cat([LABELS, LABELS[:1]]))
    once = label(CORNERS, LABELS)
    once.weights[0] = 2
    first, second = (fit([batch], CORNERS, [[True, True]])(CORNERS) for batch in (doubled, once))
    assert torch.allclose(first, second, atol=1e-4)


@pytest.mark.parametrize("distance", [0.0, 1e4])
def test_a_vector_far_from_all_gets_the_shares_of_the_labels(distance: float) -> None:
    classifier = fit([label(CORNERS[:3], LABELS[:3])], CORNERS[:3], [[True, True]])
    logits = classifier(CORNERS[:1] + distance)
    expected = SHARPNESS * torch.tensor([1 / 3, 2 / 3])
    assert torch.allclose(logits[0], expected, atol=1e-5) == (distance > 0)
