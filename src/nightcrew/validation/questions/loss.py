"""Something that base had and that a change takes away: the type that every reader of losses returns."""

from dataclasses import dataclass

from nightcrew.validation.verdict import Severity


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that was removed (`is_gone`) or changed; `names` are spellings that a text may use for it."""

    what: str
    line: int
    names: tuple[str, ...]
    is_gone: bool = True
    before: str = ""
    after: str = ""
    severity: Severity = Severity.REFUSED
