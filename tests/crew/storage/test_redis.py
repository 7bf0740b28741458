"""What an operator reads about NIGHTCREW_REDIS_URL before a server is started."""

import pytest

from nightcrew.crew.processes import free_port
from nightcrew.crew.storage.redis import check_redis, server_variables
from nightcrew.errors import BadInput, Transient
from nightcrew.settings import load_settings


def test_one_server_needs_none() -> None:
    assert not check_redis(load_settings())
    assert server_variables(None) == {}


@pytest.mark.parametrize("url", ["db.internal:6379", "http://db.internal", "redis:///0"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="must look like redis://"):
        check_redis(load_settings(redis_url=url))


def test_one_that_does_not_answer_is_named() -> None:
    with pytest.raises(Transient, match="Redis cannot be reached"):
        check_redis(load_settings(redis_url=f"redis://127.0.0.1:{free_port(0)}/0"))


def test_the_modules_of_a_server_that_is_one_of_several_exist() -> None:
    pytest.importorskip("prefect_redis")
    from importlib import import_module

    modules = {value for value in server_variables("redis://x").values() if value.startswith("prefect")}
    assert all(import_module(name) for name in modules)
