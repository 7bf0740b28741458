"""The project's folder and the environment variables of the crew's own processes."""

import os
import sys
from collections.abc import Mapping, Set
from pathlib import Path
from urllib.parse import urlsplit

from nightcrew import host
from nightcrew.crew.api_access import own_origins, profile_folder
from nightcrew.crew.storage.database import Database
from nightcrew.crew.storage.redis import server_variables
from nightcrew.errors import BadInput
from nightcrew.execution.checkout import git
from nightcrew.execution.confinement import engine
from nightcrew.execution.environments import build
from nightcrew.execution.packages import sources, upstream, uv_tool
from nightcrew.secrets.account import KEY_VARIABLES
from nightcrew.settings import DOCKER_VARIABLE, Settings

FOR_ALL = (
    *("LC_*", "XDG_*", "PGPASSFILE", "PGSSL*"),
    # How an object store is reached; its keys are read from files or from the machine's role.
    *("AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "AWS_CONTAINER_CREDENTIALS_*", "AWS_DEFAULT_REGION"),
    *("AWS_ENDPOINT_URL*", "AWS_PROFILE", "AWS_REGION", "AWS_ROLE_ARN", "AWS_SHARED_CREDENTIALS_FILE"),
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
"""Variables that every process of the crew inherits, in addition to the basic ones."""
FOR_WORK = (
    *(*host.NETWORK, DOCKER_VARIABLE),
    *(*sources.VARIABLES, *upstream.VARIABLES, *uv_tool.VARIABLES, *build.VARIABLES),
    *(*git.VARIABLES, *engine.VARIABLES),
    "OTEL_*",
)
"""Variables that the worker and its runs inherit too: access to repositories, packages and models,
and where traces are sent."""
# Each request takes the server 20 ms of CPU, so that clients make few.
PREFECT = {
    "DO_NOT_TRACK": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "OPENHANDS_SUPPRESS_BANNER": "1",
    "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",  # browsers are kept out by the server's gate and password
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",  # both are this installation's
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_CLIENT_MAX_RETRIES": "6",  # a minute, so that runs outlast a restart of the server
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",  # what it answers while PostgreSQL restarts
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_LOGGING_FORMATTERS_JSON_CLASS": "nightcrew.logs.lines.CrewFormatter",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_CLASS": "nightcrew.worker.console.Console",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER": "json",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "nightcrew,flows",
    "PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "5",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P1D",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",  # a wait is no fault; each mark is a new state
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "PREFECT_WORKER_PREFETCH_SECONDS": "1",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
}


def project_root() -> Path:
    """The folder with `flows/`, `blocks/`, `deployments/` and `prefect.yaml` that belongs to this library.

    A wheel contains it inside the package, a source checkout above `src`. The current folder is not searched,
    because it may be untrusted, and this code runs with the crew's rights.

    Raises:
        BadInput: this installation is incomplete.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_project", package.parents[1]):
        if (folder / "prefect.yaml").is_file() and (folder / "flows" / "run_task.py").is_file():
            return folder
    raise BadInput(
        f"this installation of nightcrew is incomplete: no prefect.yaml and flows beside {package}; "
        "install the wheel again, or run from a complete source checkout"
    )


def crew_environment(
    settings: Settings, *, api_url: str, project: Path, database: Database
) -> dict[str, str]:
    """The environment of all clients of the crew's Prefect server.

    Only the caller's variables that are named here are passed on, because others may hold a secret or select
    code. This crew has its own server, and its own profile with the server's password. The variables contain
    no secret, except one in the operator's own `database_url`.
    """
    home = settings.home.expanduser().resolve()
    return (
        host.environment(*FOR_ALL)
        | _explicit_settings(settings)
        | PREFECT
        | {
            "NIGHTCREW_DATABASE_URL": database.store_url,
            "NIGHTCREW_HOME": str(home),
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), host.search_path())),
            "PREFECT_API_SSL_CERT_FILE": str(_one_certificate(home)),
            "PREFECT_API_URL": api_url,
            "PREFECT_HOME": str(profile_folder(home)),
            "PYTHONPATH": str(project),
        }
    )


def server_environment(
    crew: Mapping[str, str], database: Database, redis_url: str | None = None
) -> dict[str, str]:
    """The environment of the Prefect server: its database, and the origins that may read its answers.

    No other process needs Redis, whose URL may have a password in it.
    """
    return (
        dict(crew)
        | server_variables(redis_url)
        | {
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(own_origins(crew["PREFECT_API_URL"])),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": database.prefect_url,
            # Each looks every 5 seconds otherwise, for what concerns no run of ours before a minute.
            "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT15S",
            "PREFECT_SERVER_SERVICES_CLEANUP_RECONCILER_LOOP_SECONDS": "60",
            "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_LOOP_SECONDS": "60",
        }
    )


def worker_environment(crew: Mapping[str, str]) -> dict[str, str]:
    """The environment of the worker and its descendants."""
    return host.environment(*FOR_WORK) | _without_proxy_for_ourselves(crew["PREFECT_API_URL"]) | dict(crew)


def guard_environment(settings: Settings) -> dict[str, str]:
    """The environment of the guard, which stops the crew with the same settings."""
    return host.environment(*FOR_ALL) | _explicit_settings(settings)


def service_environment(settings: Settings) -> dict[str, str]:
    """What a service of systemd needs of its installer's environment, of which it is given nothing.

    It may hold passwords of databases and package indexes, and no key: that lies in the home.
    """
    home = str(settings.home.expanduser().resolve())
    ours = _explicit_settings(settings, settings.model_fields_set)
    return host.environment(*FOR_ALL, *FOR_WORK) | ours | {"NIGHTCREW_HOME": home}


def without_account[T](environment: Mapping[str, T]) -> dict[str, T]:
    """The environment without the account's address and key, which processes read from the home."""
    account = {*KEY_VARIABLES, "NIGHTCREW_BASE_URL"}
    return {name: value for name, value in environment.items() if name not in account}


# ---------------------------------------------------------------------------------------------------------


def _without_proxy_for_ourselves(api_url: str) -> dict[str, str]:
    """Exclude the crew's server from the proxy, which would otherwise see the password of Prefect's API."""
    ours = ",".join(dict.fromkeys(("127.0.0.1", "localhost", urlsplit(api_url).hostname or "localhost")))
    return {name: ",".join(filter(None, (os.environ.get(name), ours))) for name in ("NO_PROXY", "no_proxy")}


def _explicit_settings(settings: Settings, chosen: Set[str] | None = None) -> dict[str, str]:
    """The settings that were set explicitly, as environment variables; those that all processes need."""
    chosen = settings.model_fields_set - {"redis_url"} if chosen is None else chosen
    explicit = {f"NIGHTCREW_{name.upper()}": getattr(settings, name) for name in chosen}
    return {name: _text(value) for name, value in without_account(explicit).items() if value is not None}


def _text(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _one_certificate(home: Path) -> Path:
    """A bundle with one certificate. The API is plain HTTP, yet Prefect loads the bundle eight times
    per run, which takes 0.2 CPU seconds with the usual 140 certificates."""
    path = home / "one-certificate.pem"
    if not path.is_file():
        import certifi

        end = "-----END CERTIFICATE-----\n"
        path.write_text(Path(certifi.where()).read_text().partition(end)[0] + end)
    return path
