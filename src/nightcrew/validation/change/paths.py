"""What a path is to a verdict: a test, something that decides how tests run, or the product itself."""

import re
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

TEST_FOLDERS = {"test", "tests", "testing"}
DECISIVE_NAMES = {
    "conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "pyproject.toml", "tox.ini",
    "setup.cfg", "setup.py", ".coveragerc", "sitecustomize.py", "usercustomize.py", "nightcrew.toml",
    "noxfile.py",
    "makefile", "justfile", ".pre-commit-config.yaml", ".gitattributes", ".gitmodules", ".gitignore", ".env",
    "ruff.toml", ".ruff.toml", "mypy.ini", ".mypy.ini", "uv.lock", "poetry.lock", "pdm.lock", "pipfile",
    "pipfile.lock", "manifest.in", "pyvenv.cfg", ".python-version", "tox.toml", "uv.toml", ".coveragerc.toml",
    "hatch.toml", "cmakelists.txt", ".bazelrc", ".envrc", "agents.md", "claude.md",
}  # fmt: skip
DECISIVE_SUFFIXES = (".pth", ".egg-link", ".pyc", ".pyo", ".so", ".pyd", ".dll", ".dylib")
DECISIVE_FOLDERS = {
    ".git", ".github", ".gitlab", ".circleci", ".husky", ".githooks", ".vscode", ".idea", ".openhands",
    "__snapshots__", "__pycache__", "node_modules", ".venv", "venv", "site-packages", ".devcontainer",
}  # fmt: skip
_REQUIREMENTS = re.compile(r"(requirements|constraints)[\w.-]*\.(txt|in|lock)")


def is_test(path: str) -> bool:
    """True for a file that holds tests or serves them: by its name, or by the folder it is in."""
    pure = PurePosixPath(path)
    return is_test_module(path) or bool(TEST_FOLDERS & {part.lower() for part in pure.parts[:-1]})


def is_test_module(path: str) -> bool:
    """True for a Python file that pytest would look for tests in by its name alone."""
    name = PurePosixPath(path).name
    return name.endswith(".py") and (
        name.startswith("test_") or name[:-3].endswith("_test") or name == "tests.py"
    )


def is_decisive(path: str) -> bool:
    """True for a file that decides how tests are found, run, or counted."""
    pure = PurePosixPath(path)
    name = pure.name.lower()
    return (
        name in DECISIVE_NAMES
        or name.endswith(DECISIVE_SUFFIXES)
        or bool(_REQUIREMENTS.fullmatch(name))
        or any(
            part.lower() in DECISIVE_FOLDERS or part.lower().endswith((".dist-info", ".egg-info"))
            for part in pure.parts[:-1]
        )
        or name in {".git", "hooks"}
    )


def is_documentation(path: str) -> bool:
    """True for prose that lies beside the code."""
    pure = PurePosixPath(path)
    return pure.suffix.lower() in {".md", ".rst", ".txt", ".adoc"} or pure.name.upper() in {
        "README",
        "CHANGELOG",
    }


def matches(path: str, globs: tuple[str, ...]) -> bool:
    """True where one of the globs fits: `src/**`, `docs/*.md`, `tests/` (the folder), or an exact path."""
    return any(_fits(path, glob) for glob in globs)


def _fits(path: str, glob: str) -> bool:
    if glob.endswith("/"):
        return path.startswith(glob)
    if glob.endswith("/**"):
        return path.startswith(glob[:-2]) or path == glob[:-3]
    return fnmatchcase(path, glob.replace("**/", "*")) or fnmatchcase(path, glob)


def module_name(path: str) -> str:
    """The dotted name a Python file has when its source root is on the path: `src/pkg/a.py` is `pkg.a`."""
    parts = list(PurePosixPath(path).with_suffix("").parts) if path else []
    if parts and parts[0] in {"src", "lib"}:
        parts = parts[1:]
    if parts and parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts)
