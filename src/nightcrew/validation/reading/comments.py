"""Comments of Python code: those for people, and the few that tools read."""

import io
import re
import tokenize
from collections import Counter

_MOST_COPIED = 10**9  # characters: `tokenize` copies a line for each of its tokens
_DIRECTIVE = re.compile(
    r"#\s*(?:!|-\*-|type:|noqa|pragma|nosec|fmt:|isort:|yapf|pylint:|mypy:|ruff:|pyright:|flake8|vim:|coding[:=]"
    r"|pytest:|sourcery|noinspection|region|endregion)",
    re.IGNORECASE,
)


def comments(text: str) -> list[str]:
    """Every comment in order; none where the text is not Python, or has lines too long for a person."""
    if sum(len(line) ** 2 for line in text.split("\n")) > _MOST_COPIED:
        return []
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    try:
        return [token.string for token in tokens if token.type == tokenize.COMMENT]
    except (tokenize.TokenError, SyntaxError, ValueError):
        return []


def directives(text: str) -> Counter[str]:
    """Comments that tools read, and that therefore have an effect."""
    return Counter(" ".join(one.split()) for one in comments(text) if _DIRECTIVE.match(one))


def for_people(text: str) -> list[str]:
    """Comments that no tool reads, in order."""
    return [one for one in comments(text) if not _DIRECTIVE.match(one)]


def words(text: str) -> str:
    """The text of the comments for people, one paragraph for each of them."""
    cleaned = (one.lstrip("#! ").rstrip() for one in for_people(text))
    return "\n\n".join(one for one in cleaned if one)
