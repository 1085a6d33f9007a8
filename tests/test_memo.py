import numpy as np
import pytest

from mmerc.memo import Memo, recall


def test_a_result_is_found_only_for_the_same_input() -> None:
    memo, values = Memo(), np.arange(6, dtype=np.float32)
    memo.keep("voice", values, {"speaker": "Ann"}, "result")
    assert memo.find("voice", values.copy(), {"speaker": "Ann"}) == "result"
    others = [values + 1, values.reshape(2, 3), values.view(np.int32)]
    assert [memo.find("voice", each, {"speaker": "Ann"}) for each in others] == [None] * 3
    assert (
        memo.find("voice", values, {"speaker": "Bo"}) is None and memo.find("face", values, {"speaker": "Ann"}) is None
    )
    assert memo.find("voice", np.arange(12, dtype=np.float32)[::2], {"speaker": "Ann"}) is None


def test_the_last_result_is_kept() -> None:
    memo = Memo()
    for number in range(3):
        memo.keep("voice", np.full(2, number), None, number + 10)
    assert [memo.find("voice", np.full(2, number)) for number in range(3)] == [None, None, 12]


@pytest.mark.parametrize(("memo", "computed"), [(Memo(), [1, 2]), (None, [1, 1, 2])])
def test_recall_computes_what_is_not_there(memo: Memo | None, computed: list[int]) -> None:
    found = []

    def compute(number: int) -> int:
        found.append(number)
        return 10 * number

    results = [recall(memo, "voice", np.full(2, each), lambda each=each: compute(each)) for each in (1, 1, 2)]
    assert results == [10, 10, 20] and found == computed
