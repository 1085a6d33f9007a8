"""What was said around an utterance, and by whom, read from the fused vectors of its dialogue."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

# For each dialogue's utterances in order: the place in the batch and the speaker's number; -1 behind the last.
Dialogues = Int[Tensor, "D L 2"]
SPEAKERS = 8  # told apart in one dialogue; later ones count as the last of them


class DialogueContext(nn.Module):
    """The dialogue level of CTNet (Lian et al. 2021): speaker embeddings, a GRU over the dialogue, multi-head attention over
    its states; beside a residual. What comes later is read only if `around`.

    `size`: of the fused vector, divisible by `heads` and even.
    """

    def __init__(self, size: int, *, heads: int, around: bool, dropout: float) -> None:
        super().__init__()
        self.around = around
        self.speakers = nn.Embedding(SPEAKERS, size)
        nn.init.normal_(self.speakers.weight, std=0.02)  # small beside what was said
        self.gru = nn.GRU(size, size // 2 if around else size, batch_first=True, bidirectional=around)
        self.attention = nn.MultiheadAttention(size, heads, dropout=dropout, batch_first=True)
        self.norm = nn.LayerNorm(size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, vectors: Float[Tensor, "B c"], dialogues: Dialogues) -> Float[Tensor, "B c"]:
        places, speakers = dialogues.unbind(-1)  # [D, L] each
        there = places >= 0
        steps = self.dropout(vectors)[places.clamp(min=0)] + self.speakers(speakers.clamp(min=0))  # [D, L, c]
        packed = pack_padded_sequence(steps, there.sum(1).cpu(), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=places.shape[1])
        length = places.shape[1]
        later = torch.ones(length, length, dtype=torch.bool, device=places.device).triu(1)  # [L, L]
        looked, _ = self.attention(
            states,
            states,
            states,
            key_padding_mask=~there,
            attn_mask=None if self.around else later,
            need_weights=False,
        )
        context = torch.zeros_like(vectors)
        context[places[there]] = self.norm(states + looked)[there].to(vectors.dtype)
        return vectors + context


def numbered(speakers: Sequence[str]) -> list[int]:
    """Each utterance's speaker by the order in which they first speak; nothing later decides it.

    >>> numbered(["Ann", "Bob", "Ann", "Cid"])
    [0, 1, 0, 2]
    """
    heard: dict[str, int] = {}
    return [number_of(name, heard) for name in speakers]


def number_of(speaker: str, heard: dict[str, int]) -> int:
    """The speaker's number, after those `heard` before, among whom it is then."""
    return heard.setdefault(speaker, min(len(heard), SPEAKERS - 1))
