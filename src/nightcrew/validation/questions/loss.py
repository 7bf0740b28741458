"""Something that base had and that a change takes away: the shape that every reader of losses gives."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that is gone (`is_gone`) or is another than it was; `names` are what a text may call it."""

    what: str
    line: int
    names: tuple[str, ...]
    is_gone: bool = True
    before: str = ""
    after: str = ""
