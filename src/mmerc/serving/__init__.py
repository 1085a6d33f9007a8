"""Serving: a model over HTTP and WebSocket, with a page. Needs the extra `serve`."""

from mmerc.serving.app import create_app
from mmerc.serving.limits import Limits

__all__ = ["Limits", "create_app"]
