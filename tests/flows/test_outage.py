"""What says that Prefect's server is away, and what says something else."""

import httpx
import pytest
from prefect.exceptions import PrefectHTTPStatusError

from flows.outage import is_away


def answered(status: int) -> PrefectHTTPStatusError:
    request = httpx.Request("POST", "http://127.0.0.1:4257/api/flow_runs")
    return PrefectHTTPStatusError("no", request=request, response=httpx.Response(status, request=request))


@pytest.mark.parametrize(
    "error", [answered(500), answered(503), httpx.ConnectError("no"), httpx.ReadTimeout("")]
)
def test_an_outage_of_ours_is_known(error: Exception) -> None:
    assert is_away(error)


@pytest.mark.parametrize("error", [answered(404), answered(422), ValueError("no")])
def test_what_is_refused_is_no_outage(error: Exception) -> None:
    assert not is_away(error)
