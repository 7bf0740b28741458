"""What a task's text asks for explicitly: a loss or a power that it asks for is not a finding."""

import re
from collections.abc import Iterable

_REMOVING = re.compile(
    r"\b(remov\w*|delet\w*|drop\w*|renam\w*|mov(e|es|ed|ing)|replac\w*|retir\w*|eliminat\w*|get(s|ting)? rid"
    r"|prun\w+|strip\w*|deprecat\w*|merg(e|es|ed|ing)|split\w*|inlin\w+|obsolete|unused|convert\w*|privat\w+"
    r"|clean\w* (up|out)|take\w* (out|away)|dead)\b"
)
_CHANGING = re.compile(
    r"\b(chang\w+|defaults?|requir\w+|mandatory|optional|mak(e|es|ing)|must|instead|signature|async\w*"
    r"|turn\w*|switch\w*|us(e|es|ing)|accept\w*|allow\w*|disallow\w*|rework\w*|reorder\w*|keyword)\b"
)
_NEGATED = re.compile(r"\b(not|never|without|n't|no)\b[^,;:]{0,20}$")
_SENTENCES = re.compile(r"(?<=[.!?;])\s+|\n\s*\n|\n\s*[-*#]\s")
_SHORT = 3  # letters; a name this short is also a word, and counts only where it is marked as code


class Request:
    """The text of a task, with questions about what it asks for."""

    def __init__(self, text: str) -> None:
        self.sentences = [" ".join(one.split()) for one in _SENTENCES.split(text) if one.strip()]

    def removes(self, *names: str) -> bool:
        """True where one sentence asks for a removal, a rename or a move, and names the thing removed."""
        return self._says(_REMOVING, names)

    def changes(self, *names: str) -> bool:
        """True where one sentence asks to change a signature, default or base, and names it."""
        return self._says(_REMOVING, names) or self._says(_CHANGING, names)

    def mentions(self, words: Iterable[str]) -> bool:
        """True where the text has one of these words, in any case."""
        text = "\n".join(self.sentences)
        return any(_stands_in(word, text, re.IGNORECASE) for word in words)

    def _says(self, verbs: re.Pattern[str], names: Iterable[str]) -> bool:
        wanted = [name for name in names if name]
        return any(
            any(_names(name, sentence) for name in wanted) and _asks(verbs, sentence.lower())
            for sentence in self.sentences
        )


# ------------------------------------------------------------------------------------------------------


def _asks(verbs: re.Pattern[str], sentence: str) -> bool:
    return any(not _NEGATED.search(sentence[: match.start()]) for match in verbs.finditer(sentence))


def _names(name: str, sentence: str) -> bool:
    if len(name) <= _SHORT:
        quoted = rf"[`'\"]{re.escape(name)}[`'\"(]|\b{re.escape(name)}\(\)|\.{re.escape(name)}\b"
        return re.search(quoted, sentence) is not None
    return _stands_in(name, sentence, 0)


def _stands_in(word: str, text: str, flags: int) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, flags) is not None
