"""The command line. Results go to stdout, logs and progress to stderr; its commands call the library and hold no logic."""

import os
import sys

from mmerc.cli.app import app


def main() -> None:
    """The entry point of the `mmerc` command."""
    # Set before torch is imported: its exporter warns of shapes that it cannot infer, and every graph is compared anyway.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    for stream, errors in ((sys.stdout, "strict"), (sys.stderr, "replace")):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors=errors)  # whatever the locale: rows hold any script
    app()
