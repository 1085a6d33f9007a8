import subprocess
import sys

import torch

from mmerc.encoders.face.expression import ExpressionNetwork, normalize_grey


def test_light_and_colour_have_no_effect() -> None:
    rng = torch.Generator().manual_seed(0)
    faces = torch.randint(40, 110, (2, 48, 48, 3), generator=rng, dtype=torch.uint8)
    assert float((normalize_grey(faces) - normalize_grey(2 * faces)).abs().max()) < 0.2
    assert torch.allclose(normalize_grey(faces), normalize_grey(faces.flip(-1)))
    assert normalize_grey(torch.full((1, 8, 8, 3), 7, dtype=torch.uint8)).abs().max() == 0


def test_number_of_parameters_and_shape() -> None:
    network = ExpressionNetwork(32, 0.3).eval()
    assert sum(value.numel() for value in network.parameters()) == 1_225_824
    assert network(torch.zeros(3, 48, 48, 3, dtype=torch.uint8)).shape == (3, 256)


TRAINING = """
import torch
from mmerc.encoders.face.expression import ExpressionNetwork
from mmerc.hardware import keep_memory

keep_memory()  # glibc then notices writes outside of a tensor and ends the process
torch.manual_seed(0)
network = ExpressionNetwork(12, 0.1)
optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
for _ in range(10):
    faces = torch.randint(0, 255, (int(torch.randint(50, 330, ())), 48, 48, 3), dtype=torch.uint8)
    network(faces).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()
"""


def test_training_does_not_write_outside_of_its_memory() -> None:
    assert subprocess.run([sys.executable, "-c", TRAINING], capture_output=True).returncode == 0
