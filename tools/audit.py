"""Known vulnerabilities of the installed libraries, by pip-audit: `python tools/audit.py`, a part of `make check`.

pip-audit asks the package index about each library, and says "no known vulnerabilities" of those that the index does not know. This says how many
those are. Without an index to ask (no network, or a mirror without advisories) it says so in one line and does not fail.
"""

import json
import subprocess
import sys
from typing import Any

import requests

INDEX = "https://pypi.org/pypi"
PROBE = f"{INDEX}/jinja2/3.1.2/json"  # a release with known vulnerabilities
TIMEOUT = 5.0  # seconds


def find_obstacle(probe: str = PROBE) -> str:
    """Why the index cannot be asked for advisories; empty if it can."""
    try:
        response = requests.get(probe, timeout=TIMEOUT)
        has_advisories = response.ok and bool(response.json().get("vulnerabilities"))
    except (requests.RequestException, ValueError) as error:
        return type(error).__name__
    if not response.ok:
        return f"status {response.status_code}"
    return "" if has_advisories else "it has no advisories"


def summarise(report: dict[str, Any]) -> tuple[str, bool]:
    """The report of pip-audit as lines for people, and whether it names a vulnerability."""
    audited = [each for each in report["dependencies"] if "skip_reason" not in each]
    unknown = len(report["dependencies"]) - len(audited)
    lines = [
        f"{each['name']} {each['version']}: {found['id']}, fixed in {', '.join(found['fix_versions']) or 'no version yet'}"
        for each in audited
        for found in each["vulns"]
    ]
    count = f"pip-audit: {len(lines)} known vulnerabilities in {len(audited)} libraries"
    return "\n".join([*lines, count + (f"; {unknown} are not in the index" if unknown else "")]), bool(lines)


def main() -> int:
    if obstacle := find_obstacle():
        print(f"pip-audit: {INDEX} cannot be asked ({obstacle}), so the libraries are not audited.")
        return 0
    command = [sys.executable, "-m", "pip_audit", "--format=json", "--progress-spinner=off", "--skip-editable"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        text, is_vulnerable = summarise(json.loads(result.stdout))
    except ValueError:
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"pip-audit: the libraries are not audited ({reason[:200]}).")
        return 0
    print(text)
    return int(is_vulnerable)


if __name__ == "__main__":
    sys.exit(main())
