"""Tells a call that a model makes from one that it only writes about: in its thinking, in a quotation, in an
example, or in a sentence. A text inside a call's own arguments is no quotation, whatever it looks like.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from nightcrew.openrouter.rescue.found import Found
from nightcrew.openrouter.rescue.offered import Offered
from nightcrew.openrouter.rescue.thinking import THINKING, end_of_thinking

type Read = Callable[[str, Offered], Iterator[Found]]

type Span = tuple[int, int]

_MOST_QUOTATIONS = 200
_MOST_READINGS = 3
_BEFORE = 300  # characters that can say what a call is
_NO_ACT = (
    "scratchpad|analysis|inner_monologue|plan|tool_response|tool_result|function_results?|function_response|"
    "observation|tool_output|examples?|quote|blockquote"
)
_QUOTATION = re.compile(
    rf"{THINKING.pattern}|(?P<comment><!--)|<(?P<tag>{_NO_ACT})(?:\s[^<>]{{0,200}})?>"
    r"|^[ \t]{0,3}(?P<fence>`{3,}|~{3,})(?:diff|patch|console|log)\b"
    r"|^[ \t]{0,3}>[^\n]*+(?:\n[ \t]{0,3}>[^\n]*+)*+|(?<![`\\])`(?!`)[^`\n]{1,2000}`(?!`)",
    re.MULTILINE | re.IGNORECASE,
)
_MARKUP = re.compile(
    r"<[|｜][^<>\n]{1,60}[|｜]?>|<[\w:|｜ /.=\"'-]{1,200}>|\[/?TOOL_CALLS?\]|(?:```|~~~)[^\n]{0,60}\n"
)
_GLUED = re.compile(
    r"(?:(?:const|let|var)\s++)?(?:[\w.]{1,60}[\"']?\s*+(?::=|=>|->|=|:|\()\s*+|(?:await|return|yield)\s++)*+"
    r"(?:[\w.]{1,60})?[^\w\s]{0,4}$"
)
_WORDS = re.compile(r"[^\W\d_]{2}")
_ACTS = re.compile(
    r"\b(?:I(?:'| wi|’)ll|I am|I'm|let me|let us|let's|call|calling|running|now|next|going to|first|then)\b",
    re.IGNORECASE,
)
_EXAMPLE = re.compile(
    r"\b(?:for (?:example|instance)|e\.g\b|examples?|such as|looks? like|would|could|can also|not|cannot"
    r"|never|\w{2,6}n['’]t|avoid|refuse|instead of|rather than|imagine|suppose|if|shall|syntax|answer with"
    r"|in the (?:form|format)|sa(?:ys|id)|wrote|written|earlier|previously|already|mentions?|quot\w+"
    r"|documented|was|were)\b",
    re.IGNORECASE,
)
_AFTERWARDS = re.compile(
    r"[)\]}`\"';,]*+[ \t]*+(?:[=!<>]=|(?:would|could|should|might|must|is|was|were|means|does|did|deletes"
    r"|removes|returns|fails|failed|and it|in the|which)\b)"
)
_FIRST_WORD = re.compile(r"[^\w]*+")
_BLOCK = re.compile(
    r"(?:async |def |class |if |for |while |with |try|else|elif |except|finally)[^\n]*:$"
    r"|[^\n]*(?:\)|=>)\s*+\{$"
)


def acted(text: str, offered: Offered, read: Read, quotations: Sequence[Span]) -> Iterator[Found]:
    """The calls that `read` finds in `text`, but for those that are only written about."""
    calls = [call for call in read(text, offered) if not _within(call.start, quotations)]
    part_of_calls: set[Span] = set()
    for _ in range(_MOST_READINGS if quotations else 0):
        known, part_of_calls = part_of_calls, _spans_in(calls, quotations)
        if known == part_of_calls:
            break
        calls = list(read(_blanked(text, set(quotations) - part_of_calls), offered))
    blanked = set(quotations) - part_of_calls
    for call in calls:
        if not _spans_in([call], blanked) and _is_act(text, call.start, call.end):
            yield call


def quotations_in(text: str) -> list[Span]:
    """Where thinking and quotations begin and end; after very many, the rest of the text is one."""
    found: list[Span] = []
    missing: set[str] = set()
    at = codes = 0
    while opening := _QUOTATION.search(text, at):
        at = opening.end()
        if thinking := THINKING.match(text, opening.start()):
            at = end_of_thinking(text, thinking)
        elif close := _close_of(opening):
            end = -1 if close in missing else text.find(close, opening.end())
            if end < 0:
                missing.add(close)
                continue
            at = end + len(close)
        elif opening[0].startswith("`") and codes < _MOST_QUOTATIONS and _is_alone(text, opening):
            codes += 1
            continue
        found.append((opening.start(), at))
        if len(found) >= _MOST_QUOTATIONS:
            return [*found, (at, len(text))]
    return found


def without_quotations(text: str) -> str:
    """The text with spaces in place of each quotation and thinking."""
    return _blanked(text, quotations_in(text))


# ----------------------------------------------------------------------------------------------------


def _close_of(opening: re.Match[str]) -> str:
    """What ends a quotation that does not end with its pattern."""
    comment, tag, fence = opening.group("comment", "tag", "fence")
    return "-->" if comment else f"</{tag}>" if tag else f"\n{fence}" if fence else ""


def _within(place: int, spans: Iterable[Span]) -> bool:
    return any(start <= place < end for start, end in spans)


def _spans_in(calls: Iterable[Found], spans: Iterable[Span]) -> set[Span]:
    """The spans that begin inside one of the calls."""
    extents = [(call.start + 1, call.end) for call in calls]
    return {span for span in spans if _within(span[0], extents)}


def _blanked(text: str, spans: Iterable[Span]) -> str:
    parts, at = [], 0
    for start, end in sorted(spans):
        parts += [text[at:start], " " * (end - start)]
        at = end
    return "".join([*parts, text[at:]])


def _is_alone(text: str, code: re.Match[str]) -> bool:
    """True for code in a line without other words, or after a label: it may be a call."""
    before = text[max(0, code.start() - _BEFORE) : code.start()].rpartition("\n")[2]
    after = text[code.end() : code.end() + _BEFORE].partition("\n")[0]
    meant = before.rstrip(" *_").endswith(":") or _ACTS.search(before)
    spoken = _WORDS.search(before) and not (meant and not _EXAMPLE.search(before))
    return not _WORDS.search(after) and not spoken


def _is_act(text: str, start: int, end: int) -> bool:
    """True unless the sentence that a call stands in only speaks of it."""
    line = text[max(text.rfind("\n", 0, start) + 1, start - _BEFORE) : start]
    if _EXAMPLE.search(_sentence_before(text, start)) or _AFTERWARDS.match(text, end, end + 100):
        return False
    if _in_a_block(text, start, line) or line.lstrip().startswith((">>>", "$ ")):
        return False
    if _MARKUP.search(line) or _GLUED.match(_FIRST_WORD.sub("", line, count=1)):
        return True
    if line.rstrip(" *_`([{").endswith((":", "：")):
        return True
    return not _WORDS.search(line) or _ACTS.search(line) is not None


def _sentence_before(text: str, start: int) -> str:
    """The sentence that leads to a call, which may stand before its fence or tag."""
    before = _MARKUP.sub(" ", text[max(0, start - _BEFORE) : start] + "\n").rstrip()
    paragraph = before.rpartition("\n\n")[2]
    return re.split(r"(?<!\be\.g)[.!?;](?:\s|$)", paragraph)[-1]


def _in_a_block(text: str, start: int, line: str) -> bool:
    """True for an indented line after the head of a function, loop or condition."""
    if not line[:1].isspace():
        return False
    before = text[max(0, start - len(line) - _BEFORE) : start - len(line)].rstrip()
    return _BLOCK.match(before.rpartition("\n")[2].lstrip()) is not None
