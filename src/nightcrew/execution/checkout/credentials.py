"""Credentials of repositories, by address: one private file each."""

import hashlib
from pathlib import Path

from pydantic import SecretStr

from nightcrew.address import Credential
from nightcrew.secrets.account import protected
from nightcrew.secrets.files import write_private

_PASSWORD = "password="  # noqa: S105 - the name of the line in git's format


class Credentials:
    """The credentials in one folder. They are stored nowhere else; git gets the name of the file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.expanduser()

    def keep(self, address: str, credential: Credential) -> None:
        """Store the credential for the repository at `address`."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.chmod(0o700)
        text = f"username={credential.username}\npassword={credential.password}\n"
        write_private(self._path(address), text)

    def file_of(self, address: str) -> Path | None:
        """The file with the credential for the repository at `address`, or None."""
        path = self._path(address)
        return path if path.is_file() else None

    def token_of(self, address: str) -> SecretStr | None:
        """The password or token for the repository at `address`; it is redacted from now on."""
        path = self.file_of(address)
        if path is None:
            return None
        password = next(
            (line[len(_PASSWORD) :] for line in path.read_text().splitlines() if line.startswith(_PASSWORD)),
            "",
        )
        return protected(SecretStr(password)) if password else None

    def _path(self, address: str) -> Path:
        return self._folder / hashlib.sha256(address.encode()).hexdigest()[:32]
