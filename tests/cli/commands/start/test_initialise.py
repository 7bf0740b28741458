from pathlib import Path

from nightcrew.target_config import load_target_config
from tests.cli.conftest import Cli


def test_init_writes_a_file_that_nightcrew_reads(cli: Cli, repository: Path) -> None:
    (repository / "LICENSE").write_text("mine")
    result = cli("init", str(repository))
    assert result.code == 0, result.err
    config = load_target_config(repository)
    assert config.test == "python -m pytest"
    assert config.protect == ("LICENSE*",)


def test_init_does_not_overwrite(cli: Cli, repository: Path) -> None:
    (repository / "nightcrew.toml").write_text('test = "pytest tests"\n')
    assert cli("init", str(repository)).code == 2
    assert load_target_config(repository).test == "pytest tests"
    assert cli("init", str(repository), "--force").code == 0
    assert load_target_config(repository).test == "python -m pytest"


def test_init_wants_a_git_repository(cli: Cli, tmp_path: Path) -> None:
    result = cli("init", str(tmp_path))
    assert (result.code, "git init" in result.err) == (2, True)
