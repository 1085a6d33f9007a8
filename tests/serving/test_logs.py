"""The log of the service."""

import json
import logging

import pytest

from mmerc.serving.logs import REQUEST_ID, set_up_log


def test_lines_of_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mmerc", "uvicorn"):
        logger = logging.getLogger(name)
        monkeypatch.setattr(logger, "handlers", [])
        monkeypatch.setattr(logger, "propagate", True)
    set_up_log("json")
    token = REQUEST_ID.set("id-7")
    logging.getLogger("mmerc.access").info("%s is here", "Ann", extra={"status": 200})
    REQUEST_ID.reset(token)
    line = json.loads(capsys.readouterr().err)
    assert (line["message"], line["request_id"], line["status"], line["levelname"]) == (
        "Ann is here",
        "id-7",
        200,
        "INFO",
    )
    assert "timestamp" in line
