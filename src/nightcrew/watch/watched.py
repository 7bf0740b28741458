"""The watched repositories: one schedule of Prefect each, and their webhooks' secrets in the crew's home."""

import secrets

from pydantic import SecretStr

from nightcrew.address import Credential
from nightcrew.crew import schedules
from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.crew.schedules import Recurring
from nightcrew.errors import BadInput
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.form import form_values
from nightcrew.settings import Settings
from nightcrew.watch.terms import Watch, hook_key

DEPLOYMENT = "watch-repository/on-schedule"
HOOKS = "/nightcrew/hooks/github/"
"""The path of webhooks on the crew's server; the key of the repository follows."""


def add(settings: Settings, api: PrefectApi, watch: Watch, minutes: int) -> Recurring:
    """Look at a repository every few minutes; other terms for a watched repository replace the old ones."""
    for known in _of(api, watch.repo):
        schedules.remove(settings, api, known)
    cron = "* * * * *" if minutes == 1 else f"*/{minutes} * * * *"
    parameters = {"watch": form_values(watch, only_set=True)}
    name = f"{watch.repo.rstrip('/').removesuffix('.git').rpartition('/')[2]}-{hook_key(watch.repo)[:8]}"
    return schedules.add_recurring(
        settings, api, DEPLOYMENT, f"watch-{name.lower()}", cron, "UTC", parameters
    )


def all_watched(api: PrefectApi) -> list[tuple[Watch, Recurring]]:
    """The watched repositories with their schedules."""
    found = [one for one in schedules.schedules_of(api, DEPLOYMENT) if one.parameters.get("watch")]
    return [(Watch.model_validate(one.parameters["watch"]), one) for one in found]


def find(api: PrefectApi, repo: str) -> Recurring:
    """The schedule of a watched repository.

    Raises:
        BadInput: it is not watched.
    """
    found = _of(api, repo)
    if not found:
        raise BadInput(f"{repo} is not watched: 'nightcrew watch list' shows what is")
    return found[0]


def hook_secret(settings: Settings, key: str) -> SecretStr | None:
    """The secret of the webhook with this key; None if there is none."""
    return Credentials(settings.credentials_dir).token_of(f"hook:{key}")


def make_hook_secret(settings: Settings, repo: str) -> SecretStr:
    """The secret of a repository's webhook, made once."""
    key = hook_key(repo)
    if (known := hook_secret(settings, key)) is not None:
        return known
    made = Credential("hook", secrets.token_urlsafe(32))
    Credentials(settings.credentials_dir).keep(f"hook:{key}", made)
    return SecretStr(made.password)


def look_now(api: PrefectApi, one: Recurring, *, because: str) -> None:
    """Look at a watched repository at once; a second call with the same reason starts nothing.

    Raises:
        Transient: Prefect cannot be reached.
    """
    schedules.start(api, one, "webhook", because=because)


# ---------------------------------------------------------------------------------------------------------


def _of(api: PrefectApi, repo: str) -> list[Recurring]:
    return [one for watch, one in all_watched(api) if watch.repo == repo]
