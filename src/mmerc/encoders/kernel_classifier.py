"""A classifier without iterations: regularised least squares on the similarities to training vectors.

This is kernel ridge regression (Saunders et al. 1998) to one column for each label, with a Gaussian kernel. Where there are more
training vectors than landmarks, it is the Nyström approximation (Williams and Seeger 2001): a random part of them represents all.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

MAX_LANDMARKS = 2048  # 36 MB in float16 for vectors of 8,704 numbers
# A squared distance of two unrelated vectors of d standardised numbers is about 2 d. Their similarity is exp(-0.5).
WIDTH = 0.25
RIDGE = 0.1  # variance of the labels' noise, if the variance of the function is 1
SHARPNESS = 8.0  # from scores, which are near 1 for the predicted label and near 0 for others, to logits
JITTER = 1e-7  # of the mean of the diagonal, so that equal landmarks give a solution


@dataclass(frozen=True)
class LabelledVectors:
    """B training vectors, the share of each label that they should get, the numbers of their corpora, and their weights."""

    vectors: Float[Tensor, "B d"]
    shares: Float[Tensor, "B C"]
    corpora: Int[Tensor, " B"]
    weights: Float[Tensor, " B"]


class KernelClassifier(nn.Module):
    """logits = SHARPNESS * (offsets + similarities to the M landmarks @ coefficients)."""

    landmarks: Tensor  # [M, d], in float16
    coefficients: Tensor  # [M, C]
    offsets: Tensor  # [C]

    def __init__(self, num_landmarks: int, width: int, num_labels: int) -> None:
        super().__init__()
        self.register_buffer("landmarks", torch.zeros(num_landmarks, width, dtype=torch.float16))
        self.register_buffer("coefficients", torch.zeros(num_landmarks, num_labels))
        self.register_buffer("offsets", torch.zeros(num_labels))

    def forward(self, vectors: Float[Tensor, "B d"]) -> Float[Tensor, "B C"]:
        scores: Tensor = self.offsets + compute_similarities(vectors, self.landmarks.float()) @ self.coefficients
        return SHARPNESS * scores

    @classmethod
    def fit(
        cls, batches: Iterable[LabelledVectors], landmarks: Float[Tensor, "M d"], has_label: Tensor
    ) -> "KernelClassifier":
        """The classifier for all vectors of `batches`, in memory for M * M numbers of each corpus.

        `has_label` [corpora, C]: whether a corpus has a label. A label that it lacks is neither right nor wrong there. All corpora
        have the same weight.
        """
        landmarks = landmarks.half().float()  # as they are kept
        num_corpora, num_labels = has_label.shape
        counts, sums = torch.zeros(num_corpora), torch.zeros(num_corpora, num_labels, dtype=torch.float64)
        grams = torch.zeros(num_corpora, len(landmarks), len(landmarks), dtype=torch.float64)
        means = torch.zeros(num_corpora, len(landmarks), dtype=torch.float64)
        products = torch.zeros(num_corpora, len(landmarks), num_labels, dtype=torch.float64)
        for batch in batches:
            similarities = compute_similarities(batch.vectors, landmarks).double()  # [B, M]
            for corpus in set(batch.corpora.tolist()):
                rows = batch.corpora == corpus
                own, shares = similarities[rows], batch.shares[rows].double()
                weighted = batch.weights[rows, None] * own
                grams[corpus] += weighted.T @ own
                means[corpus] += weighted.sum(0)
                products[corpus] += weighted.T @ shares
                counts[corpus] += batch.weights[rows].sum()
                sums[corpus] += batch.weights[rows].double() @ shares
        return cls._solve(landmarks, has_label, counts, sums, grams, means, products)

    @classmethod
    def _solve(
        cls,
        landmarks: Float[Tensor, "M d"],
        has_label: Tensor,  # [corpora, C]
        counts: Float[Tensor, " corpora"],
        sums: Float[Tensor, "corpora C"],
        grams: Float[Tensor, "corpora M M"],
        means: Float[Tensor, "corpora M"],
        products: Float[Tensor, "corpora M C"],
    ) -> "KernelClassifier":
        classifier = cls(len(landmarks), landmarks.shape[1], has_label.shape[1])
        classifier.landmarks.copy_(landmarks)
        weights = (counts.sum() / len(counts) / counts.clamp(min=1)).double()  # of an utterance of each corpus
        prior = compute_similarities(landmarks, landmarks).double()
        for known in sorted(
            set(map(tuple, has_label.T.tolist()))
        ):  # the labels that the same corpora have are solved together
            labels = (has_label == torch.tensor(known)[:, None]).all(0)  # [C]
            use = weights * torch.tensor(known)  # [corpora]
            if not use.any():
                continue  # no corpus has this label: its score stays 0
            offsets = (use @ sums[:, labels].double()) / (use @ counts.double())
            gram = torch.einsum("k,kmn->mn", use, grams) + RIDGE * prior
            gram.diagonal().add_(JITTER * gram.diagonal().mean())
            target = torch.einsum("k,kmc->mc", use, products[..., labels]) - (use @ means)[:, None] * offsets
            classifier.coefficients[:, labels] = torch.linalg.solve(gram, target).float()
            classifier.offsets[labels] = offsets.float()
        return classifier


def compute_similarities(vectors: Float[Tensor, "B d"], landmarks: Float[Tensor, "M d"]) -> Float[Tensor, "B M"]:
    """The Gaussian kernel: 1 for equal vectors, and less the further two are apart.

    >>> compute_similarities(torch.zeros(1, 2), torch.tensor([[0.0, 0.0], [2.0, 2.0]]))
    tensor([[1.0000, 0.3679]])
    """
    products = vectors @ landmarks.T
    distances = vectors.square().sum(1, keepdim=True) + landmarks.square().sum(1) - 2 * products
    return (-WIDTH / vectors.shape[1] * distances.clamp(min=0)).exp()
