"""Settings of a crew.

Three sources in one order: Prefect block (operator) > environment (`NIGHTCREW_*`) > default.
Nothing is read at import; call `load_settings()`.
"""

import os
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from nightcrew.address import is_own_machine
from nightcrew.errors import BadInput
from nightcrew.secrets.account import KEY_VARIABLES, Account, account_in_force

OPENROUTER_URL = "https://openrouter.ai/api/v1"
DOCKER_VARIABLE = "OPENHANDS_USE_DOCKER_RUNTIME"
"""The variable with which the original system was configured to use Docker; it is still understood."""


class SandboxKind(StrEnum):
    """The confinement of untrusted code; *none* has to be set explicitly."""

    BUBBLEWRAP = "bubblewrap"
    PODMAN = "podman"
    DOCKER = "docker"
    NONE = "none"


class DeliveryKind(StrEnum):
    """How an accepted change is handed over."""

    PATCH = "patch"  # a file in the crew's home
    BRANCH = "branch"  # a branch of the repository, with one commit
    PULL_REQUEST = "pull-request"  # the branch, and a pull request for it on GitHub


class LogFormat(StrEnum):
    """The form of the log lines of the crew's processes."""

    TEXT = "text"  # for people
    JSON = "json"  # one object per line


class DataPolicy(StrEnum):
    """What a provider may do with prompts."""

    ANY = "any"
    NO_TRAINING = "no_training"  # excludes free variants, whose providers may use prompts


def _split(value: object) -> object:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nightcrew"


type Names = Annotated[tuple[str, ...], BeforeValidator(_split)]


class Settings(BaseModel):
    """The settings of a crew. What is not given comes from the environment.

    `pydantic-settings` does the same, and takes 0.04 CPU seconds to import in each of many processes.
    """

    model_config = ConfigDict(validate_default=True, use_attribute_docstrings=True)

    home: Path = Field(default_factory=lambda: Path.home() / ".nightcrew")
    """Folder of all data of a crew: database, ledger, workspaces, environments, results."""
    cache: Path = Field(default_factory=_cache)
    """Folder of caches, shared by a user's crews: fetched packages, the agent's runtime."""
    base_url: str = OPENROUTER_URL
    """Root URL of an OpenAI-compatible API; by default OpenRouter's."""
    api_key: SecretStr | None = None
    """Key for `base_url`, as configured; model calls use `account`."""
    models: Names = ()
    """Only these models; required for a plain endpoint such as vLLM or Ollama. Empty: the whole catalogue."""
    denied_models: Names = ()
    """Never use these models (glob patterns)."""
    allowed_providers: Names = ()
    """Only models of these providers; empty: all."""
    denied_providers: Names = ()
    """No models of these providers."""
    data_policy: DataPolicy = DataPolicy.ANY
    """`no_training` excludes free variants, whose providers may keep prompts."""
    hour_price_usd: Annotated[float, Field(ge=0)] = 0.0
    """Cost of an hour of waiting, in USD, when models are chosen; 0: only money counts."""
    database_url: str | None = None
    """PostgreSQL for the state store and Prefect; empty: the embedded one in `home`."""
    store_url: str | None = None
    """URL of what several hosts share, results and ledger: `file:///…`, `s3://…`; empty: only `home`."""
    redis_url: str | None = None
    """Redis, needed by several Prefect servers on one database; empty: there is one server."""
    prefect_port: int = 4257
    """Port of the crew's own Prefect server."""
    server_address: str = "127.0.0.1"
    """Address at which the server listens: loopback, or one of a private network that other hosts reach."""
    workers: Annotated[int, Field(ge=1, le=200)] = 5
    """Number of tasks at once."""
    max_unfinished_tasks: Annotated[int, Field(ge=1)] = 1000
    """Limit of unfinished tasks; further submissions are refused."""
    task_budget_usd: Decimal = Decimal("1.00")
    """The most that one task may cost, unless the task has its own limit."""
    day_budget_usd: Decimal = Decimal("10.00")
    """The most that the crew may spend per UTC day."""
    month_budget_usd: Decimal = Decimal("100.00")
    """The most that the crew may spend per UTC month."""
    free_requests_per_minute: int = 20
    """Account-wide free calls per minute, until the provider reports another limit."""
    free_requests_per_day: int = 50
    """Account-wide free calls per UTC day, until the provider reports another limit."""
    unknown_price_usd_per_million: Annotated[Decimal, Field(ge=0)] | None = None
    """USD per million tokens for models without a published price; empty: 0 at a private address."""
    try_models: bool = True
    """One small call for each model and day before its first long task, to see whether it calls tools."""
    attempt_seconds: Annotated[int, Field(ge=10)] = 900
    """Wall-clock limit of one attempt."""
    call_seconds: Annotated[int, Field(ge=10)] = 180
    """Wall-clock limit of one model call. Nothing may arrive for two thirds of it, or for two minutes."""
    attempt_iterations: Annotated[int, Field(ge=1)] = 60
    """The most model calls of one attempt."""
    review_seconds: Annotated[int, Field(ge=1)] = 604_800
    """How long a question may wait for a person (a week); then its task fails as rejected."""
    log_format: LogFormat = LogFormat.TEXT
    """The form of log lines: `text`, or `json` with one object per line."""
    keep_prompts_days: Annotated[int, Field(ge=0)] = 30
    """How long transcripts are kept with the other evidence; 0: they are not written."""
    keep_audit_days: Annotated[int, Field(ge=1)] = 730
    """How long the lines of the audit log are kept."""
    deliver: DeliveryKind = DeliveryKind.PATCH
    """How accepted changes are handed over, unless a repository or a task says otherwise."""
    draft_pull_requests: bool = False
    """Pull requests are opened as drafts; a person marks them as ready."""
    pull_request_labels: Names = ("nightcrew",)
    """Labels of our pull requests."""
    gitlab_hosts: Names = ()
    """Hosts that are GitLab, with their port if they have one; gitlab.com and gitlab.* are known."""
    author: Annotated[str, Field(pattern=r"^([^<>\x00-\x1f]*[^<>\s\x00-\x1f] <[^<>\s]+>)?$")] = ""
    """Author of delivered commits, as `Name <address>`; empty: Nightcrew."""
    sandbox: SandboxKind = Field(default_factory=lambda: _usual_sandbox())
    """The confinement of untrusted code."""
    forked_agents: bool = True
    """Fork agents from one process that has the SDK loaded (bubblewrap only); off: load it for each agent."""
    forked_runs: bool = True
    """Fork test runs from a process that has pytest loaded (bubblewrap only); off: load it for each run."""
    sandbox_image: str = ""
    """Image of containers; empty: one that we build, with the host's system mounted read-only."""
    sandbox_root: Path | None = None
    """Folder used as the read-only root of podman's containers instead of an image."""

    @model_validator(mode="before")
    @classmethod
    def _with_environment(cls, given: dict[str, Any]) -> dict[str, Any]:
        variables = {name.upper(): value for name, value in os.environ.items()}
        names = [(field, f"NIGHTCREW_{field.upper()}") for field in cls.model_fields]
        names += [("api_key", name) for name in reversed(KEY_VARIABLES)]  # the first one counts
        found = {field: variables[name] for field, name in names if name in variables}
        return found | given

    @property
    def account(self) -> Account:
        """The endpoint for model calls and its key: as configured, else as stored in `home`.

        Raises:
            BadInput: the stored key is for another address than the configured one.
        """
        given = Account(self.base_url, self.api_key)
        return account_in_force(self.home, given, has_address="base_url" in self.model_fields_set)

    @property
    def unknown_price_usd(self) -> Decimal | None:
        """The assumed price, in USD per token, of models without a published one; None refuses them.

        A machine of one's own costs nothing, unless `unknown_price_usd_per_million` says otherwise.
        """
        per_million = self.unknown_price_usd_per_million
        if per_million is None and is_own_machine(self.account.base_url):
            return Decimal(0)
        return None if per_million is None else per_million / 1_000_000

    @property
    def ledger_dir(self) -> Path:
        """Folder of journals, archive and `ledger.duckdb`."""
        return self.home / "ledger"

    @property
    def logs_dir(self) -> Path:
        """Folder of the logs of the crew's processes."""
        return self.home.expanduser().resolve() / "logs"

    @property
    def results_dir(self) -> Path:
        """Folder with one sub-folder per task: the change, the verdict, the evidence."""
        return self.home / "results"

    @property
    def work_dir(self) -> Path:
        """Folder of the running attempts' workspaces, which are deleted with their attempt."""
        return self.home / "work"

    @property
    def memory_path(self) -> Path:
        """File with what the model selector has learned."""
        return self.home / "memory.json"

    @property
    def environments_dir(self) -> Path:
        """Cache of target repositories' environments."""
        return self.home / "environments"

    @property
    def packages_dir(self) -> Path:
        """Cache of files from package indexes, for all environments."""
        return self.cache.expanduser().resolve() / "packages"

    @property
    def runtimes_dir(self) -> Path:
        """Folder of the agent's runtimes, one for each version."""
        return self.cache.expanduser().resolve() / "runtimes"

    @property
    def credentials_dir(self) -> Path:
        """Folder of repositories' credentials, one file each."""
        return self.home / "credentials"

    @property
    def base_runs_dir(self) -> Path:
        """Cache of the results of target repositories' test suites on base."""
        return self.home / "base-runs"

    @property
    def types_dir(self) -> Path:
        """Cache of what mypy finds out about Python's own library."""
        return self.home / "types"


_given_key: SecretStr | None = None


def give_key(key: SecretStr | None) -> None:
    """Set the key for later calls of `load_settings`, e.g. one received through a descriptor."""
    global _given_key
    _given_key = key


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process; `overrides` (from an operator's block) override the environment.

    Raises:
        BadInput: an environment variable has an invalid value.
    """
    given = {} if _given_key is None else {"api_key": _given_key}
    try:
        return Settings(**(given | overrides))
    except ValidationError as error:
        raise BadInput(f"settings: {first_problem(error)}") from None


_SHAPES = {  # in a reader's words, not Python's
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "an object with names and values",
    "model_type": "an object with names and values",
}


def first_problem(error: ValidationError) -> str:
    """The first problem of a pydantic error as one sentence: `field: problem`."""
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "unknown name"
    if words := _SHAPES.get(problem["type"]):
        message = f"must be {words}"
    return f"{where}: {message}" if where else message


# ---------------------------------------------------------------------------------------------------------


def _usual_sandbox() -> SandboxKind:
    """bubblewrap, unless the original system's variable selects its Docker runtime."""
    asked = os.environ.get(DOCKER_VARIABLE, "").strip().lower()
    return SandboxKind.DOCKER if asked in {"1", "true", "yes", "on"} else SandboxKind.BUBBLEWRAP
