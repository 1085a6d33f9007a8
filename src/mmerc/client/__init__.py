"""A client of the service for Python programs. Needs the extra `client`; no network and no model is loaded.

`Client` waits for each answer; `AsyncClient` is the same for asyncio.
"""

from mmerc.client.asynchronous import AsyncClient, AsyncStream
from mmerc.client.messages import Job, ServedModel, ServiceError
from mmerc.client.synchronous import Client, Stream

__all__ = ["AsyncClient", "AsyncStream", "Client", "Job", "ServedModel", "ServiceError", "Stream"]
