"""From the utterances of dialogues to the padded rows that a network reads. Short dialogues share a row and do not see each other."""

import random
from collections.abc import Sequence
from itertools import groupby

import numpy as np

from mmerc.config import Protocol
from mmerc.encoders.base import Example
from mmerc.encoders.text.base import LENGTH_MULTIPLE

TOKEN, SPEAKER = range(2)  # columns of a prepared utterance
UNKNOWN = 0  # speaker
# Speakers are numbered 1 to 8 in the order in which they first speak in the window. The ninth gets number 1 again.
MAX_SPEAKERS = 8
PADDING = -1  # block
# Dialogues are packed into rows of so many tokens, or of the longest dialogue. Padding to the longest alone wastes a third of a
# batch of single comments; longer rows add work in attention, which grows with their length.
ROW_TOKENS = 128

MAX_JOINED = 8  # single utterances that are joined; a dialogue of MELD has ten utterances

Window = Sequence[Example]  # the utterances of a dialogue that are read together


def group_windows(examples: Sequence[Example]) -> list[Window]:
    """Neighbouring examples of one dialogue and one window belong together."""
    return [list(group) for _, group in groupby(examples, key=lambda example: (*example.key[:2], example.window))]


def join_singles(windows: Sequence[Window], probability: float, max_tokens: int, rng: random.Random) -> list[Window]:
    """Join neighbouring windows of one utterance into windows of 2 to `MAX_JOINED`; the others stay as they are.

    `probability`: how often a single utterance that is in no such window yet begins one; with 0.6, nine of ten utterances are in
    one. The order of the utterances is kept, and a window has at most `max_tokens`.
    """
    if not probability:  # no random number is drawn
        return list(windows)
    joined: list[Window] = []
    room = 0  # utterances that the last window still takes
    for window in windows:
        is_single = len(window) == 1
        if is_single and room and count_tokens([*joined[-1], *window]) <= max_tokens:
            joined[-1] = [*joined[-1], *window]
            room -= 1
            continue
        joined.append(window)
        room = rng.randint(2, MAX_JOINED) - 1 if is_single and rng.random() < probability else 0
    return joined


def build_rows(
    windows: Sequence[Window],
    cuts: Sequence[int],
    cls_token: int,
    sep_token: int,
    *,
    protocol: Protocol,
    max_tokens: int,
) -> dict[str, np.ndarray]:
    """Return the arrays of a batch of N rows of L tokens, with B utterances together, of at most T tokens each.

    A window is `[CLS] u1 [SEP] u2 [SEP] ...`. Blocks number the [CLS] and the utterances of a row from 0; padding has -1.

    `tokens`, `speakers` [N, L]: token ID, and number of the speaker in the window.
    `places` [N, L]: the position in the window, from 0.
    `blocks`, `first_visible`, `last_visible` [N, L]: block of each token, and the first and the last block that it sees. Padding sees
    everything, so that its attention is defined.
    `positions` [B, T], `ends` [B]: where the tokens and the closing mark of each utterance are in the flattened rows.
    `steps` [B, T]: true at the tokens of the utterance.

    `cuts`: for each window the number of the utterance, from 1, that begins a second part, which does not see the first; 0 where there
    is none.
    """
    spots, shape = pack([count_tokens(window) for window in windows], max_tokens)
    arrays = {name: np.zeros(shape, np.int64) for name in ("speakers", "places", "first_visible", "last_visible")}
    arrays |= {"tokens": np.full(shape, sep_token, np.int64), "blocks": np.full(shape, PADDING, np.int64)}
    count, num_steps = sum(map(len, windows)), max(len(example.values) for window in windows for example in window)
    positions, steps = np.zeros((count, num_steps), np.int64), np.zeros((count, num_steps), bool)
    ends = np.zeros(count, np.int64)
    next_block, index = [0] * shape[0], 0
    for window, cut, (row, first) in zip(windows, cuts, spots, strict=True):
        lengths = np.asarray([1, *(len(example.values) + 1 for example in window)])
        own = slice(first, first + lengths.sum())
        base = next_block[row]  # the block of this [CLS]
        next_block[row] += len(lengths)
        arrays["tokens"][row, first] = cls_token
        arrays["places"][row, own] = np.arange(lengths.sum())
        arrays["blocks"][row, own] = base + np.repeat(np.arange(len(lengths)), lengths)
        arrays["speakers"][row, own] = np.repeat([UNKNOWN, *number_speakers(window)], lengths)
        arrays["first_visible"][row, own], arrays["last_visible"][row, own] = find_visible_blocks(
            arrays["blocks"][row, own] - base, len(window), cut, protocol
        ) + base  # fmt: skip
        start = first + 1
        for example in window:
            end = start + len(example.values)
            arrays["tokens"][row, start:end] = example.values[:, TOKEN]
            positions[index, : end - start] = row * shape[1] + np.arange(start, end)
            steps[index, : end - start] = True
            ends[index] = row * shape[1] + end
            start, index = end + 1, index + 1
    is_padding = arrays["blocks"] == PADDING
    arrays["last_visible"] = np.where(is_padding, np.asarray(next_block)[:, None] - 1, arrays["last_visible"])
    return arrays | {"positions": positions, "steps": steps, "ends": ends}


def count_tokens(window: Window) -> int:
    """The tokens of a window, with [CLS] and the closing marks."""
    return 1 + sum(len(example.values) + 1 for example in window)


def pack(lengths: Sequence[int], max_tokens: int) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Put windows into rows, each into the first row that has room for it.

    Returns the row and the first token of each window, and the number and the length of the rows.

    >>> pack([90, 90, 30, 20], max_tokens=512)
    ([(0, 0), (1, 0), (0, 90), (1, 90)], (2, 128))
    """
    capacity = min(max(ROW_TOKENS, *lengths), max(max_tokens, *lengths))
    used: list[int] = []
    spots = []
    for length in lengths:
        row = next((row for row, tokens in enumerate(used) if tokens + length <= capacity), len(used))
        if row == len(used):
            used.append(0)
        spots.append((row, used[row]))
        used[row] += length
    longest = max(used)
    return spots, (len(used), max(longest, min(longest + -longest % LENGTH_MULTIPLE, max_tokens)))


def number_speakers(window: Window) -> list[int]:
    """The number of each utterance's speaker in the window: 1 to 8 in order of appearance, 0 for an unknown one."""
    numbers = {UNKNOWN: UNKNOWN}
    return [
        numbers.setdefault(int(example.values[0, SPEAKER]), (len(numbers) - 1) % MAX_SPEAKERS + 1) for example in window
    ]


def find_visible_blocks(blocks: np.ndarray, last: int, cut: int, protocol: Protocol) -> np.ndarray:
    """The first and the last block that each token of a window sees, [2, L]. `blocks` [L] are numbered from the window's [CLS].

    `last` is the window's last block. In the online protocol a token sees its own block and earlier ones only.
    """
    is_second = blocks >= cut if cut else np.zeros(blocks.shape, bool)
    ends = np.where(is_second | (cut == 0), last, cut - 1)
    return np.stack([np.where(is_second, cut, 0), np.minimum(ends, blocks) if protocol == "online" else ends])
