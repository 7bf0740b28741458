"""What code can do beyond computing values, and the names in Python's libraries by which it does it."""

from dataclasses import dataclass
from enum import StrEnum

from nightcrew.validation.tables import Table


class Power(StrEnum):
    """A kind of power, worded to follow "can newly"."""

    NETWORK = "reach the network"
    PROCESS = "start processes"
    DYNAMIC = "run or import code that is only known when it runs"
    ENVIRONMENT = "read the environment"
    CREDENTIALS = "read the home or credentials"
    DELETE = "delete or move files"
    WRITE = "write files"
    NATIVE = "run native code"
    UNSAFE_DATA = "build objects from data that may run code"
    WEAKER = "be weaker in security"
    INSTALL = "install packages or hooks"
    CI = "do more in CI"
    BACKGROUND = "go on in the background"
    EVERYBODY = "change what the whole process does"
    RUNNER = "see who runs it"
    BY_NAME = "reach any attribute that its input names"
    TELLS = "write what it is given to a log"
    LASTING = "leave something changed for the next call"
    HIDDEN = "hide text from a reader"
    AGENTS = "give instructions to agents"


@dataclass(frozen=True, slots=True)
class Use:
    """One line that uses a power."""

    power: Power
    what: str
    line: int
    names: tuple[str, ...] = ()  # a task whose text has all of these words asks for the power


_TABLE = Table("powers")
WORDS = {Power[key]: tuple(words) for key, words in _TABLE.texts("asked_for").items()}
"""Words by which a task's text asks for a power; none of them asks for weaker security or hidden text."""
NAMES = {name: Power[key] for key, names in _TABLE.texts("names").items() for name in names}
METHODS = {name: Power[key] for key, names in _TABLE.texts("methods").items() for name in names}
"""The power of a call to a method of this name, whatever object it is called on."""
HARMLESS = _TABLE.words("parts", "harmless")
INNARDS = _TABLE.words("parts", "innards")
PLACES = _TABLE.pattern("parts", "places")
RUNNERS = _TABLE.pattern("parts", "runners")
OF_PRODUCT = frozenset({
    Power.BACKGROUND, Power.BY_NAME, Power.DELETE, Power.EVERYBODY, Power.RUNNER, Power.TELLS, Power.WRITE,
})  # fmt: skip
"""Powers that every test may use; running the tests shows whether they leave something changed."""
