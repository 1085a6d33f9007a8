"""Ray is started once for all tests of a module: that takes longer than the tests themselves."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Ray uses names that it has deprecated itself.
RAY_WARNINGS = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"
)
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a cluster with two CPUs, to which this process is connected."""
    ray = pytest.importorskip("ray", reason="needs the extra ray")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(ROOT)])  # for the workers
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  they would wait for everything else on a busy machine
    context = ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield context.address_info["gcs_address"]
    ray.shutdown()
