import random
import subprocess
import sys

import torch

from mmerc.encoders.face.expression import ExpressionNetwork, grey, moved


def test_neither_the_lamp_nor_the_colour_counts() -> None:
    rng = torch.Generator().manual_seed(0)
    faces = torch.randint(40, 110, (2, 48, 48, 3), generator=rng, dtype=torch.uint8)
    assert float((grey(faces) - grey(2 * faces)).abs().max()) < 0.2
    assert torch.allclose(grey(faces), grey(faces.flip(-1)))
    assert grey(torch.full((1, 8, 8, 3), 7, dtype=torch.uint8)).abs().max() == 0


def test_its_size_and_shape() -> None:
    network = ExpressionNetwork(32, 0.3).eval()
    assert sum(value.numel() for value in network.parameters()) == 1_225_824
    assert network(torch.zeros(3, 48, 48, 3, dtype=torch.uint8)).shape == (3, 256)


def test_a_face_that_is_moved_stays_a_face_and_all_its_pictures_move_alike() -> None:
    face = torch.zeros(2, 21, 21, 3, dtype=torch.uint8)
    face[:, 8:13, 14:19] = 200  # right of the middle
    still = moved(face, random.Random(1), turn=0, shift=0, zoom=0)
    mirrored = moved(face, random.Random(0), turn=0, shift=0, zoom=0)
    found = {
        tuple(image[0, :, :, 0].float().mean(0).topk(5).indices.sort().values.tolist()) for image in (still, mirrored)
    }
    assert found == {(14, 15, 16, 17, 18), (2, 3, 4, 5, 6)}
    turned = moved(face, random.Random(3), turn=20, shift=0.1, zoom=0.1)
    assert torch.equal(turned[0], turned[1]) and turned.dtype == torch.uint8
    assert 0.5 < float(turned.float().mean() / face.float().mean()) < 1.6


TRAINED = """
import torch
from mmerc.encoders.face.expression import ExpressionNetwork
from mmerc.hardware import keep_memory

keep_memory()  # what is written beyond a tensor is then noticed by the C library, which ends the process
torch.manual_seed(0)
network = ExpressionNetwork(12, 0.1)
optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
for _ in range(20):
    faces = torch.randint(0, 255, (int(torch.randint(50, 330, ())), 48, 48, 3), dtype=torch.uint8)
    network(faces).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()
"""


def test_training_writes_nowhere_but_into_its_own_memory() -> None:
    assert subprocess.run([sys.executable, "-c", TRAINED], capture_output=True).returncode == 0
