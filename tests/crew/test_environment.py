"""What the crew's processes find in their environment."""

from pathlib import Path

import pytest

from nightcrew.crew.environment import (
    crew_environment,
    guard_environment,
    project_root,
    server_environment,
    worker_environment,
)
from nightcrew.crew.storage.database import Database
from nightcrew.errors import BadInput
from nightcrew.secrets.account import KEY_VARIABLES, keep_account
from nightcrew.settings import Settings, load_settings

DATABASE = Database(
    store_url="postgresql+psycopg://x/nightcrew", prefect_url="postgresql+asyncpg://x/prefect"
)


def environment(settings: Settings) -> dict[str, str]:
    settings.home.mkdir(parents=True, exist_ok=True)
    return crew_environment(
        settings, api_url="http://127.0.0.1:1/api", project=Path("/project"), database=DATABASE
    )


@pytest.mark.parametrize("name", KEY_VARIABLES)
def test_no_process_of_the_crew_is_given_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "sk-or-secret")
    for settings in (load_settings(home=tmp_path), load_settings(home=tmp_path, api_key="sk-or-secret")):
        crew = environment(settings)
        assert "sk-or-secret" not in str([crew, server_environment(crew, DATABASE)])


def every_environment(settings: Settings) -> list[dict[str, str]]:
    crew = environment(settings)
    return [crew, server_environment(crew, DATABASE), worker_environment(crew), guard_environment(settings)]


@pytest.mark.parametrize(
    "name",
    [
        *("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "TWINE_PASSWORD", "UV_PUBLISH_TOKEN", "PGPASSWORD"),
        *(
            "GIT_SSH_COMMAND",
            "GIT_CONFIG_PARAMETERS",
            "BASH_ENV",
            "NODE_OPTIONS",
            "NIGHTCREW_UNHEARD_OF",
            "X",
        ),
    ],
)
def test_a_variable_that_nobody_named_is_handed_on_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "of-the-caller")
    for env in every_environment(load_settings(home=tmp_path)):
        assert "of-the-caller" not in env.values()


def test_what_a_run_needs_arrives_at_the_worker_and_secrets_among_it_there_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "LC_TIME": "de_DE.UTF-8",
        "XDG_CONFIG_HOME": "/config",
        "HTTPS_PROXY": "http://me:secret@proxy:3128",
        "UV_DEFAULT_INDEX": "https://me:secret@index.example/simple",
        "UV_INDEX_OURS_PASSWORD": "secret",
        "SSH_AUTH_SOCK": "/agent",
        "DOCKER_HOST": "unix:///engine",
        "OPENHANDS_USE_DOCKER_RUNTIME": "true",
        "NO_PROXY": "index.example",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(home=tmp_path)
    crew, server, worker, guard = every_environment(settings)
    assert given.items() - worker.items() == {("NO_PROXY", "index.example")}
    assert worker["NO_PROXY"] == "index.example,127.0.0.1,localhost"
    assert worker.items() >= crew.items()
    assert "secret" not in str([crew, server, guard])
    assert all(env["LC_TIME"] == "de_DE.UTF-8" for env in (crew, server, guard))


def test_only_the_servers_own_pages_may_read_its_answers(tmp_path: Path) -> None:
    crew = environment(load_settings(home=tmp_path))
    origins = server_environment(crew, DATABASE)["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"]
    assert origins == "http://127.0.0.1:1,http://localhost:1"


def test_the_callers_own_prefect_is_left_out_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "https://elsewhere.example")
    monkeypatch.setenv("PREFECT_API_KEY", "theirs")
    env = environment(load_settings(home=tmp_path))
    assert env["PREFECT_API_URL"] == "http://127.0.0.1:1/api"
    assert "PREFECT_API_KEY" not in env


def test_flow_runs_load_the_settings_that_the_services_were_started_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = load_settings(
        home=tmp_path, base_url="http://127.0.0.1:9/api/v1", models=("a", "b"), api_key="sk-x", workers=3
    )
    keep_account(tmp_path, found.account)
    env = environment(found)
    for name in list(env):
        if name.startswith("NIGHTCREW_"):
            monkeypatch.setenv(name, env[name])
    loaded = load_settings()
    assert (loaded.home, loaded.models, loaded.workers) == (tmp_path, ("a", "b"), 3)
    assert loaded.account == found.account
    assert loaded.api_key is None
    assert loaded.database_url == DATABASE.store_url


def test_nothing_is_reported_to_anybody(tmp_path: Path) -> None:
    env = environment(load_settings(home=tmp_path))
    assert env["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert env["DO_NOT_TRACK"] == "1"


def test_the_project_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert (project_root() / "prefect.yaml").is_file()


def test_a_project_in_the_current_folder_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts the crew inside of a hostile checkout must not run that checkout's bootstrap."""
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "run_task.py").write_text("raise SystemExit('hostile')")
    (tmp_path / "prefect.yaml").write_text("name: hostile")
    monkeypatch.chdir(tmp_path)
    assert project_root() != tmp_path


def test_a_missing_project_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "nightcrew.crew.environment.__file__", str(tmp_path / "lib" / "nightcrew" / "crew" / "x.py")
    )
    with pytest.raises(BadInput, match=r"prefect\.yaml"):
        project_root()


def test_the_callers_folder_and_variables_choose_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "LD_PRELOAD", "LD_LIBRARY_PATH"):
        monkeypatch.setenv(name, "hostile" if name.startswith("PYTHON") else "")
    monkeypatch.setenv("PATH", f".:bin:/usr/bin:{tmp_path}:")
    env = environment(load_settings(home=tmp_path))
    assert not [name for name, value in env.items() if "hostile" in value or name.startswith("LD_")]
    assert env["PYTHONPATH"] == "/project"
    assert all(Path(entry).is_absolute() for entry in env["PATH"].split(":"))


def test_only_the_server_is_given_the_address_of_redis(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, redis_url="redis://:redis-secret@db.internal/0")
    crew, _, worker, guard = every_environment(settings)
    assert "redis-secret" not in str([crew, worker, guard])
    server = server_environment(crew, DATABASE, settings.redis_url)
    assert server["PREFECT_REDIS_MESSAGING_URL"] == server["PREFECT_SERVER_DOCKET_URL"] == settings.redis_url
    assert "PREFECT_SERVER_DOCKET_URL" not in server_environment(crew, DATABASE)
