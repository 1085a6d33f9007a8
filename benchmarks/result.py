"""How every benchmark ends: its result on the terminal and, where asked for, in a file."""

import json
from pathlib import Path
from typing import Any

from mmerc.files import write_json


def show(result: dict[str, Any], out: Path | None) -> None:
    print(json.dumps(result, indent=2))
    if out:
        write_json(out, result)
