"""Redis, through which several Prefect servers on one database hear of each other's events.

Only the servers use it. What it holds may be lost: tasks, budgets and leases are in PostgreSQL.
"""

from importlib.util import find_spec
from urllib.parse import urlsplit

from nightcrew.errors import BadInput, Transient
from nightcrew.settings import Settings

SECONDS = 5.0
SCHEMES = frozenset({"redis", "rediss"})
_MODULES = {
    "PREFECT_SERVER_EVENTS_MESSAGING_BROKER": "prefect_redis.messaging",
    "PREFECT_SERVER_EVENTS_MESSAGING_CACHE": "prefect_redis.messaging",
    "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
}


def server_variables(redis_url: str | None) -> dict[str, str]:
    """The variables of a Prefect server that is one of several; none if it is the only one."""
    if not redis_url:
        return {}
    return _MODULES | {"PREFECT_REDIS_MESSAGING_URL": redis_url, "PREFECT_SERVER_DOCKET_URL": redis_url}


def check_redis(settings: Settings) -> bool:
    """Ask the Redis of these settings for a sign of life; False if none is set.

    Raises:
        BadInput: the address is none, the login is refused, or a library is missing.
        Transient: it does not answer.
    """
    if not settings.redis_url:
        return False
    if urlsplit(settings.redis_url).scheme not in SCHEMES or not urlsplit(settings.redis_url).hostname:
        raise BadInput("NIGHTCREW_REDIS_URL must look like redis://user:password@host:6379/0")
    if find_spec("prefect_redis") is None:  # only the server loads it
        raise BadInput("Redis needs a library: pip install 'nightcrew[redis]'")
    from redis import AuthenticationError, Redis, RedisError

    try:
        with Redis.from_url(
            settings.redis_url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS
        ) as redis:
            redis.ping()
    except AuthenticationError as error:
        raise BadInput(f"Redis refuses the login: {error}") from None
    except (RedisError, ValueError) as error:
        raise Transient(f"Redis cannot be reached: {error}") from None
    return True
