"""What was said around an utterance, read from the fused vectors of its dialogue."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

Dialogues = Int[Tensor, "D L"]  # the places of each dialogue's utterances in the batch, in order; -1 behind its last


class DialogueContext(nn.Module):
    """A GRU over the dialogue, in both directions where what comes later may be read, beside a residual.

    `size`: of the fused vector, even.
    """

    def __init__(self, size: int, *, around: bool, dropout: float) -> None:
        super().__init__()
        self.gru = nn.GRU(size, size // 2 if around else size, batch_first=True, bidirectional=around)
        self.dropout = nn.Dropout(dropout)

    def forward(self, vectors: Float[Tensor, "B c"], dialogues: Dialogues) -> Float[Tensor, "B c"]:
        there = dialogues >= 0
        steps = self.dropout(vectors)[dialogues.clamp(min=0)]  # [D, L, c]
        packed = pack_padded_sequence(steps, there.sum(1).cpu(), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=dialogues.shape[1])
        context = torch.zeros_like(vectors)
        context[dialogues[there]] = states[there]
        return vectors + context
