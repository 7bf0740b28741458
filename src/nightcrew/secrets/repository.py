"""The secrets in a target repository's files: collected at checkout, and never written anywhere.

Otherwise those that an agent reads, changes or prints would appear in transcripts, evidence and pages.
"""

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from nightcrew.secrets.known_secrets import SHORTEST_SECRET
from nightcrew.secrets.redaction import repository_secrets

MOST_FILES = 50
MOST_BYTES = 65_536
MOST_VALUES = 300
"""So many are redacted; a text in which all of them occur is searched for each."""
_SECRET_FILE = re.compile(
    r"""(?ix)
    \.env(\..+)? | .+\.env | \.envrc | [._]netrc | \.(npmrc|pypirc|pgpass|htpasswd|dockercfg) | kubeconfig
    | \.?git-credentials | id_(rsa|dsa|ecdsa|ed25519)(_sk)? | service[_-]?account.*\.json
    | .+\.(pem|key|p12|pfx|jks|keystore|kdbx|tfvars|ppk)
    | \.?(credentials?|secrets?|passwords?)(\.(json|ya?ml|toml|ini|cfg|conf|txt|xml|properties|env))?
    """
)
_EXAMPLE = re.compile(r"(?i)example|sample|template|dist$")
_SKIPPED = {".git", "node_modules", ".venv", "site-packages"}
_WORD = re.compile(r"""[^\s"',;{}]{16,600}""")
_LONGEST = 512


def holds_secrets(name: str) -> bool:
    """True if a file of this name, without its folder, is made to hold secrets."""
    return _SECRET_FILE.fullmatch(name) is not None


def learn_secrets(tree: Path) -> int:
    """Collect the values in those files of `tree` that usually hold secrets; returns the number of files.

    Only values with letters and digits count that are too long to be a word.
    """
    found = list(_secret_files(tree))
    values = (value for path in found for value in _values(_text(path)) if _is_secret(value))
    for value in islice(values, MOST_VALUES):
        repository_secrets.add(value)
    return len(found)


# ---------------------------------------------------------------------------------------------------------


def _secret_files(tree: Path) -> Iterator[Path]:
    left = MOST_FILES
    for folder, folders, files in os.walk(tree):
        folders[:] = [name for name in folders if name not in _SKIPPED]
        for name in files:
            if left and holds_secrets(name) and not _EXAMPLE.search(name):
                left -= 1
                yield Path(folder, name)


def _values(text: str) -> Iterator[str]:
    """Words, and the part after an assignment sign in them."""
    for word in _WORD.findall(text):
        yield from (value for sign in "=:" if (value := word.partition(sign)[2]))
        yield word


def _is_secret(value: str) -> bool:
    return (
        SHORTEST_SECRET <= len(value) <= _LONGEST
        and re.search(r"\d", value) is not None
        and re.search(r"[A-Za-z]", value) is not None
    )


def _text(path: Path) -> str:
    try:
        if path.is_symlink() or not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(MOST_BYTES).decode(errors="replace")
    except OSError:
        return ""
