"""Recognises lines with which a model stands in for code that it did not write ("rest unchanged").

Applied, such a line would delete what it stands for.
"""

import re
from collections.abc import Collection

_DOTS = r"(?:\.{3,}+|…)"
_THINGS = (
    r"(?:file|code|class|module|function|method|test|import|section|content|document|definition|implementation|"
    r"config|script|line|entr(?:y|ie)|part|setup)"
)
_KEPT = r"(?:unchanged|as (?:it was |is )?before|as[- ]is|the same|same as|stays?|remains?|omitted|here)"
_ELISION = re.compile(
    rf"{_DOTS}[^.…]{{0,80}}\b(?:rest|remaining|remainder|existing|unchanged|previous|original|omitted|other|same|keep"
    rf"|kept|truncated|snip)\b"
    rf"|\b(?:rest|remaining|remainder|existing|previous|original|other)\b[^.…]{{0,80}}{_DOTS}"
    rf"|\b(?:rest|remainder) of (?:the |this |your )?\S{{1,60}}[^.]{{0,60}}\b{_KEPT}\b"
    rf"|\b(?:existing|previous|remaining|original|other) (?:\w{{1,40}} )?{_THINGS}s?\b[^.]{{0,40}}\b{_KEPT}\b"
    rf"|^\W*\[?(?:snip|unchanged|code omitted(?: for brevity)?)\]?\W*$",
    re.IGNORECASE,
)
_NOTE = re.compile(r"\s*(?:#|//|/\*|\*|--|<!--|;|%|\"\"\"|\{/\*|\.\.\.|…|\[|\(|<|\.\. )")
_ONLY_DOTS = re.compile(rf"\s*(?:#|//|/\*|<!--|--|;)\s*+{_DOTS}\s*+(?:\*/|-->)?\s*+$|\s*\[{_DOTS}\]\s*$")
_LONGEST_LINE = 300  # nobody elides with more words


def elided_line(new: str, old: str) -> str | None:
    """The first line of `new` that stands in for something and is not in `old`; None if there is none."""
    known: Collection[str] = {line.strip() for line in old.split("\n")}
    for line in new.split("\n"):
        if len(line) > _LONGEST_LINE or line.strip() in known:
            continue
        if _ONLY_DOTS.match(line) or (_NOTE.match(line) and _ELISION.search(line)):
            return line.strip()
    return None
