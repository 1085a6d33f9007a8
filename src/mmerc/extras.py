"""Extras: groups of libraries that prediction does not need. `pip install 'mmerc[NAME]'` installs one with mmerc."""

from collections.abc import Mapping
from importlib.util import find_spec

from mmerc.errors import ConfigError

# The extra of each module that mmerc imports and that is not always installed, by the name of its top package.
MODULES: Mapping[str, str] = {
    "lightning": "train",
    "matplotlib": "train",
    "pyarrow": "train",
    "scipy": "train",
    "seaborn": "train",
    "sklearn": "train",
    "skimage": "demo",
    "cryptography": "serve",
    "fastapi": "serve",
    "fastapi_swagger": "serve",
    "limits": "serve",
    "persistqueue": "serve",
    "prometheus_client": "serve",
    "pythonjsonlogger": "serve",
    "uvicorn": "serve",
    "optuna": "tune",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "onnxscript": "onnx",
    "ray": "ray",
    "ipywidgets": "notebook",
    "httpx": "client",
    "websockets": "client",
}


def explain_missing(error: ImportError, what: str) -> str | None:
    """A sentence that says which extra `what` needs, if the missing module belongs to one.

    >>> explain_missing(ModuleNotFoundError(name="lightning.pytorch"), "mmerc train")
    "mmerc train needs lightning, which is not installed: run `pip install 'mmerc[train]'`."
    """
    module = (error.name or "").partition(".")[0]
    extra = MODULES.get(module)
    if extra is None:
        return None
    return _format_sentence(what, module, extra)


def check_extra(extra: str, what: str) -> None:
    """Check that `what` finds the modules of its extra.

    Raises:
        ConfigError: one of them is not installed.
    """
    for module, name in MODULES.items():
        if name == extra and find_spec(module) is None:
            raise ConfigError(_format_sentence(what, module, extra))


def _format_sentence(what: str, module: str, extra: str) -> str:
    return f"{what} needs {module}, which is not installed: run `pip install 'mmerc[{extra}]'`."
