import math

import pytest
import torch

from mmerc.encoders.text.input import CURRENT, REPLY
from mmerc.encoders.text.losses import compute_language_model_loss, compute_next_sentence_loss


def test_next_sentence_scores_the_first_candidate_and_skips_utterances_without_one() -> None:
    scores = torch.tensor([[2.0, 0.0], [0.0, 1.0], [9.0, 0.0]])
    loss, correct, count = compute_next_sentence_loss(scores, torch.tensor([True, True, False]))
    expected = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(1))) / 2
    assert float(loss) == pytest.approx(expected) and (int(correct), int(count)) == (1, 2)


def test_next_sentence_is_zero_where_no_utterance_has_a_candidate() -> None:
    loss, correct, count = compute_next_sentence_loss(torch.zeros(2, 3), torch.tensor([False, False]))
    assert (float(loss), int(correct), int(count)) == (0.0, 0, 0)


def test_language_model_predicts_each_word_of_the_reply_from_the_token_before_it() -> None:
    segments = torch.tensor([CURRENT, CURRENT, REPLY, REPLY, REPLY])  # the first REPLY is the turn token
    tokens = torch.stack([torch.tensor([0, 1, 2, 3, 1]), torch.ones(5, dtype=torch.long), segments], -1)[None]
    embedding = torch.eye(4)
    hidden = torch.zeros(1, 5, 4)
    total, count = compute_language_model_loss(tokens, hidden, embedding, REPLY)
    assert int(count) == 2 and float(total) == pytest.approx(2 * math.log(4))  # equal scores for all four tokens
    hidden[0, 2, 3] = hidden[0, 3, 1] = 50.0  # the right token for each of the two positions
    assert float(compute_language_model_loss(tokens, hidden, embedding, REPLY)[0]) == pytest.approx(0, abs=1e-6)
    hidden[0, 0] = hidden[0, 1] = hidden[0, 4] = 7.0  # the other positions predict no target
    assert float(compute_language_model_loss(tokens, hidden, embedding, REPLY)[0]) == pytest.approx(0, abs=1e-6)
