"""Context of an utterance: the other utterances of its dialogue, read from their fused vectors and speakers."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mmerc.recurrent import run_gru

# For each dialogue, its utterances in order: the index in the batch and the speaker's number; -1 is padding.
Dialogues = Int[Tensor, "D L 2"]
MAX_SPEAKERS = 8  # distinguished in one dialogue; all further speakers share the last number


class DialogueContext(nn.Module):
    """The dialogue level of CTNet (Lian et al. 2021).

    Speaker embeddings, a GRU over the dialogue and multi-head attention over its states, with a residual connection.

    Args:
        size: c of the fused vector, even and divisible by `num_heads`.
        num_heads: heads of the attention.
        is_bidirectional: whether an utterance reads the later ones, too.
        dropout: of the fused vectors and the attention weights.
    """

    def __init__(self, size: int, *, num_heads: int, is_bidirectional: bool, dropout: float) -> None:
        super().__init__()
        self.is_bidirectional = is_bidirectional
        self.speakers = nn.Embedding(MAX_SPEAKERS, size)
        nn.init.normal_(self.speakers.weight, std=0.02)  # small compared with the fused vectors
        self.gru = nn.GRU(
            size, size // 2 if is_bidirectional else size, batch_first=True, bidirectional=is_bidirectional
        )
        self.attention = nn.MultiheadAttention(size, num_heads, dropout=dropout, batch_first=True)
        self.norm = nn.LayerNorm(size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, vectors: Float[Tensor, "B c"], dialogues: Dialogues) -> Float[Tensor, "B c"]:
        indices, speakers = dialogues.unbind(-1)  # [D, L] each
        length = indices.shape[1]
        is_real = indices >= 0  # [D, L]
        steps = self.dropout(vectors)[indices.clamp(min=0)] + self.speakers(speakers.clamp(min=0))  # [D, L, c]
        states, _ = run_gru(self.gru, steps, is_real.sum(1))  # [D, L, c]
        is_later = torch.ones(length, length, dtype=torch.bool, device=indices.device).triu(1)  # [L, L]
        attended, _ = self.attention(
            states,
            states,
            states,
            key_padding_mask=~is_real,
            attn_mask=None if self.is_bidirectional else is_later,
            need_weights=False,
        )  # [D, L, c]
        context = torch.zeros_like(vectors)
        context[indices[is_real]] = self.norm(states + attended)[is_real].to(vectors.dtype)
        return vectors + context


def number_speakers(speakers: Sequence[str]) -> list[int]:
    """Number the speaker of each utterance, in the order in which the speakers first speak.

    >>> number_speakers(["Ann", "Bob", "Ann", "Cid"])
    [0, 1, 0, 2]
    """
    numbers: dict[str, int] = {}
    return [get_speaker_number(name, numbers) for name in speakers]


def get_speaker_number(speaker: str, numbers: dict[str, int]) -> int:
    """Return the speaker's number; a new speaker is added to `numbers`."""
    return numbers.setdefault(speaker, min(len(numbers), MAX_SPEAKERS - 1))
