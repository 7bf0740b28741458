"""What attacks are about: the rows of the table in SECURITY.md, and what an attack leaves behind."""

from dataclasses import dataclass, field
from enum import IntEnum


class Row(IntEnum):
    """One kind of way out of the trust that is given; every attack belongs to one."""

    HOST_INTERPRETER = 1
    """An interpreter is started on the host in an untrusted folder."""
    HOST_BUILD = 2
    """Build code of the repository runs on the host."""
    GIT = 3
    """git obeys the repository's own configuration."""
    CHOSEN_BY_FOLDER = 4
    """Trusted code is chosen by the current folder."""
    LOOPBACK = 5
    """Another user or a web page speaks to a server on loopback."""
    MOUNTS = 6
    """The sandbox shows more of the host than it has to."""
    CHANNEL = 7
    """Confined code writes where a trusted program's results are read."""
    LIMITS = 8
    """Confined code uses more of the machine than it may."""
    BYTES = 9
    """Untrusted bytes keep the trusted process busy or end it."""
    SECRETS = 10
    """A secret lies where others can read it."""
    REQUESTS = 11
    """The gateway passes on what it does not know."""
    CREDENTIALS = 12
    """A credential in a value that a person passes is kept or shown."""
    AGENT_RUNTIME = 13
    """The agent's dependencies run in a trusted interpreter."""
    OUTPUT = 14
    """What people see obeys untrusted text."""
    DOORS = 15
    """A server of ours is kept from answering, or a set-up step trusts what it fetched."""
    ESCAPE = 16
    """The classic ways out of a sandbox: files, processes, network, kernel."""


@dataclass
class Findings:
    """What the attack of one test met. A test of an attack that leaves none fails."""

    texts: list[str] = field(default_factory=list)

    def __call__(self, text: object) -> None:
        """Keep how the attack was refused, contained or reported: an error, a verdict's reason, a limit."""
        self.texts.append(str(text).strip())

    @property
    def left(self) -> list[str]:
        """The findings that say something."""
        return [text for text in self.texts if text]
