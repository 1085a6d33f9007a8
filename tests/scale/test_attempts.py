import subprocess
import sys

from mmerc.scale.attempts import Attempts


def test_each_part_has_its_own_count() -> None:
    attempts = Attempts()
    assert [attempts.add(index) for index in (0, 1, 0, 0)] == [1, 1, 2, 3]


def test_the_process_that_counts_is_small() -> None:
    code = "import sys, mmerc.scale.attempts; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
