"""Prefect's server does not answer, or only with errors of its own: our outage, and no fault of a task."""

import asyncio
import logging

import httpx
from prefect import get_client
from prefect.exceptions import PrefectHTTPStatusError

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
LONGEST_SECONDS = 1800.0  # then the process ends, and the engine decides once all is back


def is_away(error: BaseException) -> bool:
    """True if `error` says that Prefect's server cannot be reached, or cannot do its work now."""
    if isinstance(error, PrefectHTTPStatusError):
        return error.response.status_code >= 500
    return isinstance(error, httpx.TransportError)


async def wait_for_server(*, longest_seconds: float = LONGEST_SECONDS) -> bool:
    """Wait until the server answers again; False if it did not come back."""
    log.warning("Prefect's server does not answer: waiting for it")
    for _ in range(int(longest_seconds / LOOK_SECONDS)):
        async with get_client() as client:
            if await client.api_healthcheck() is None:
                return True
        await asyncio.sleep(LOOK_SECONDS)
    return False
