"""A text encoder that reads a dialogue as one sequence and predicts all its utterances in one pass.

The sequence is `[CLS] u1 [SEP] u2 [SEP] ...`, read by a bidirectional network such as MiniLM, MPNet or RoBERTa. Each token
carries an embedding of its speaker's number. In the online protocol a token sees its own utterance and earlier ones only.
"""

import random
import zlib
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int
from pydantic import Field
from torch import nn
from torch.nn import functional as F

from mmerc.config import Protocol
from mmerc.corpora import Dialogue, Utterance
from mmerc.encoders.base import Batch, Classifier, Encoding, Example, compute_masked_mean
from mmerc.encoders.text.bidirectional import BidirectionalText
from mmerc.encoders.text.config import BACKBONE, TextConfig
from mmerc.encoders.text.packing import MAX_SPEAKERS, UNKNOWN, build_rows, group_windows, join_singles
from mmerc.encoders.windows import Window, cut_windows
from mmerc.errors import MissingModality
from mmerc.hardware import supports_bf16


class DialogueConfig(TextConfig):
    """Settings of the encoder of whole dialogues."""

    backbone: str = Field("mpnet", description=f"minilm, mpnet, {BACKBONE}")
    max_tokens: int = Field(
        512, ge=16, description="tokens that are read together; longer dialogues are read in overlapping windows"
    )
    head_lr_factor: float = Field(
        1.0, gt=0, description="learning rate of the classifier, as a multiple of `learning_rate`"
    )
    split_probability: float = Field(
        0.3, ge=0, le=1, description="share of dialogues that are cut in two at a random utterance in training"
    )
    join_probability: float = Field(
        0.0,
        ge=0,
        le=1,
        description="how often, in training, a dialogue of one utterance, such as a comment, is read together with the 1 to 7 after it, "
        "so that the network learns to tell neighbours apart; 0.6 joins nine of ten comments",
    )
    online_probability: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of training batches in which no later utterance is read; above 0, a network of the offline protocol "
        "serves both protocols",
    )


class DialogueText(BidirectionalText):
    """A bidirectional network that reads a dialogue. An utterance is its tokens and its closing [SEP].

    The sequence of stage 2 is [SEP] followed by the tokens of the utterance.
    """

    Config = DialogueConfig
    reads_dialogue = True
    num_leading_steps = 1
    config: DialogueConfig

    def _create_layers(self) -> None:
        self.speakers = nn.Embedding(MAX_SPEAKERS + 1, self.width)
        nn.init.normal_(self.speakers.weight, std=0.02)  # small values preserve the backbone's pre-training
        if self.protocol == "offline" and self.config.online_probability:
            self.protocols = ("offline", "online")
        self.emotion = Classifier(2 * self.width, self.num_classes, hidden_size=self.width)
        self.lr_factors = {"emotion.": self.config.head_lr_factor}

    def prepare(self, dialogue: Dialogue, index: int) -> Int[np.ndarray, "L 2"]:
        """Return the token ID and a number for the speaker of each token of the utterance.

        An utterance that would fill more than half of a window loses its end.
        """
        utterance = dialogue.utterances[index]
        if not (utterance.text or "").strip():
            raise MissingModality("it has no text")
        tokens = self.tokenize(utterance.text or "")[: self.config.max_tokens // 2 - 1]
        if not tokens:
            raise MissingModality("its text gives no token")
        # A hash, because the speaker's number in a window is not known yet.
        speaker = zlib.crc32(utterance.speaker.encode()) % (2**31 - 1) + 1 if utterance.speaker else UNKNOWN
        return np.asarray([(token, speaker) for token in tokens], np.int32)

    def cut_windows(self, lengths: Sequence[int], *, overlap: float = 0.5) -> list[Window]:
        lengths = [length + 1 for length in lengths]  # with the closing mark
        return cut_windows(lengths, self.config.max_tokens - 1, protocol=self.protocol, overlap=overlap)

    def make_example_input(self, length: int) -> Int[np.ndarray, "L 2"]:
        return self.prepare(Dialogue("", 0, (Utterance("", 0, 0, speaker="A", text="well " * length),)), 0)

    def collate(
        self, examples: Sequence[Example], rng: random.Random | None = None, *, protocol: Protocol | None = None
    ) -> Batch:
        """Return N rows of at most L tokens (see `packing.build_rows`). Neighbouring examples of one dialogue and one window are
        read together.

        Each window must fit into `max_tokens`; the caller cuts dialogues with `cut_windows`. `protocol` is by default that of
        the encoder. In training some dialogues are cut in two parts that do not see each other, some single utterances are
        joined, and some batches are read with the online protocol.
        """
        windows = group_windows(examples)
        protocol, cuts = protocol or self.protocol, [0] * len(windows)
        if rng is not None and self.training:
            if rng.random() < self.config.online_probability:
                protocol = "online"
            windows = join_singles(windows, self.config.join_probability, self.config.max_tokens, rng)
            cuts = [self._draw_cut(len(window), rng) for window in windows]
        arrays = build_rows(
            windows, cuts, self.cls_token, self.sep_token, protocol=protocol, max_tokens=self.config.max_tokens
        )
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def _draw_cut(self, count: int, rng: random.Random) -> int:
        """Return the first utterance, from 1, of the second part of a dialogue of `count` utterances; 0 leaves it whole."""
        is_cut = count > 1 and rng.random() < self.config.split_probability
        return rng.randint(2, count) if is_cut else 0

    def forward(self, batch: Batch) -> Encoding:
        embedded = self.embedding(batch["tokens"]) + self.speakers(batch["speakers"])  # [N, L, d]
        blocks = batch["blocks"][:, None, :]  # [N, 1, L]
        first, last = batch["first_visible"][:, :, None], batch["last_visible"][:, :, None]  # [N, L, 1]
        dtype = torch.bfloat16 if self.config.bf16 and supports_bf16(embedded.device) else torch.float32
        # [N, L, L]: token i (axis 1) must not attend to token j (axis 2)
        is_masked = (blocks < first) | (blocks > last)
        bias = torch.zeros(is_masked.shape, dtype=dtype, device=embedded.device)
        bias = bias.masked_fill(is_masked, torch.finfo(dtype).min)[:, None]  # [N, 1, L, L]
        hidden = self.run_backbone(embedded, bias, batch["places"]).flatten(0, 1)  # [N * L, d]
        steps, end = batch["steps"], hidden[batch["ends"]]  # [B, T], [B, d]
        own = hidden[batch["positions"]] * steps[..., None]  # [B, T, d]
        logits = self.emotion(torch.cat([compute_masked_mean(own, steps), end], -1))  # [B, C]
        return Encoding(torch.cat([end[:, None], own], 1), F.pad(steps, (1, 0), value=True), logits)
