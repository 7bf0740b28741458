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
    "scratch_?pad|analysis|inner_monologue|plan|tool_response|tool_result|function_results?|function_response|"
    r"observation|tool_output|examples?(?:[_-]\w{1,20})?|quote|blockquote|documents?|files?|user(?:_\w{1,20})?|human|issue|ticket|source"
    "|context|logs?|stdout|stderr|output|error|diff|patch|transcript|history|prompt|system|snippet|fixture|readme"
)
_NO_CODE = (
    "think|thinking|thoughts?|reasoning|diff|patch|console|log|mermaid|dot|plantuml|markdown|md|rst|html|css|sql"
    "|csv|http"
)
_QUOTATION = re.compile(
    rf"{THINKING.pattern}|(?P<comment><!--)|"
    rf"<(?P<tag>(?:{_NO_ACT})(?:[_-](?:contents?|text|data|body))?)(?:\s[^<>]{{0,200}})?>"
    rf"|^[ \t]{{0,3}}(?P<fence>`{{3,}}|~{{3,}})(?:(?:{_NO_CODE})\b|"
    r"[^\n`]{0,80}[\w-]\.\w{1,8}(?=\s))"
    r"|^@@ [^\n]*+(?:\n[ +\\-][^\n]*+)*+"
    r"|^(?P<edit><{5,9}) (?:SEARCH|ORIGINAL|HEAD)\b|~~[^~\n]{1,2000}~~"
    r"|^[ \t]{0,3}>(?!>>[\w.]{1,80}\n)[^\n]*+(?:\n[ \t]{0,3}>[^\n]*+)*+|(?<![`\\])`(?!`)[^`\n]{1,2000}`(?!`)",
    re.MULTILINE | re.IGNORECASE,
)
_MARKUP = re.compile(
    r"<[|｜][^<>\n]{1,60}[|｜]?>|<[\w:|｜ /.=\"'-]{1,200}>|\[/?[A-Z][A-Z_ ]{2,40}\]|(?:```|~~~)[^\n]{0,60}\n"
    r"|(?<=[|｜]>)[\w-]{1,40}(?=<[|｜])"
)
_GLUED = re.compile(
    r"(?:(?:const|let|var|commentary)\s++)?(?:[\w.]{1,60}[\"']?\s*+(?::=|=>|->|=|:|\()\s*+|(?:await|return|yield)\s++)*+"
    r"(?:[\w.]{1,60})?[^\w\s]{0,4}$"
)
_WORDS = re.compile(r"[^\W\d_]{2}")
_ACTS = re.compile(
    r"\b(?:(?:I|we)(?:['’]ll| will|['’]m| am| are|['’]re)|let(?: me| us|['’]s)|going to|voy|vou|vado|lass"
    r"|(?:I|we) (?:(?:now|first|next|then|also|must|need to|want to|have to|can now) )*(?:list|look|run|check"
    r"|read|view|use|call|open|write|edit|create|start|fix|make|execute|search|inspect|test|verify|add|change|try|begin)"
    r"|ich (?!sehe|habe|fand|würde)\w+|j(?:e |['’])(?!ai|vois)\w+|\w{3,20}(?:[aei]ré|[aei]rei|[ei]rò))\b"
    r"|^\W*(?!following|existing|failing|missing|during|according|nothing|warning)\w{2,20}ing\b",
    re.IGNORECASE,
)
_LABELS = re.compile(
    r"\b(?:the|a|an|to|with|for|and|of|is|tools?|functions?|calls?|actions?|inputs?|arguments?|args|parameters?|params"
    r"|name|use|using|invoke|execute|run|request|command|commentary|assistant|json|code|const|let|var|await|return"
    r"|yield|print|recipient|begin|start|functools|default|api|now|next"
    r"|first|then|step|okay|ok|so|and)\b",
    re.IGNORECASE,
)
_EXAMPLE = re.compile(
    r"\b(?:for (?:example|instance)|e\.g\b|examples?|such as|looks? like|would|could|can also|not|no|cannot"
    r"|never|\w{2,6}n['’]t|avoid|refus\w+|ignor\w+|declin\w+|disregard\w*|reject\w*|instead of|rather than"
    r"|imagine|suppose|if|unless|shall|syntax|answer with|in the (?:form|format)|sa(?:ys|id)|wrote|written"
    r"|earlier|previously|already|had|mentions?|quot\w+|documented|was|were|saw|found|got|received|contain\w*"
    r"|expected|explain|describe|gives?|has|sent|sends?|typed|replied|holds?|payload|attack\w*|nicht|nie|kein\w*|beispiel|pas|jamais|exemple|nunca|jamás|não|non|ejemplo|esempio"
    r"|exemplo|например|не|никогда)\b"
    r"|例如|比如|譬如|不要|请勿|勿|例えば|たとえば|예를|مثال",
    re.IGNORECASE,
)
_AFTERWARDS = re.compile(
    r"[)\]}`\"';,*_~\s]{0,20}+(?:[=!<>]=|(?:would|could|should|might|must|is|was|were|means|does|did|deletes"
    r"|removes|returns|fails|failed|and it|in the|which|nicht)\b|会)"
)
_ASKS = re.compile(
    r"\b(?:(?:should|shall|may|can|could) (?:I|we)|(?:would|do|are) you|(?:is|would) (?:it|this|that)(?: be)?"
    r" (?:ok|okay|all right|alright|fine))\b[^.?!]*+\?\W*$|\bplease (?:confirm|approve)\b"
    r"|\b(?:what|why|is|does) [^.?!]{0,60}\bthis\b[^.?!]{0,60}\?\W*$",
    re.IGNORECASE,
)
_ORDERS = re.compile(
    r"^\W*+(?:(?:step|first|next|then|now|finally|so|ok|okay|sure|great|and|\d{1,2})\b\W*+(?:\d{1,3}\b\W*+)?)*+"
    r"(?:(?:explore|inspect|verify|create|execute|examine|find|install|locate|implement|reproduce|investigate)\b"
    r"|(?:list|look|run|check|read|view|call|open|write|edit|start|fix|search|test|try|change|update|get|ensure"
    r"|confirm) "
    r"(?:the|a|an|all|any|it|them|these|our|its|for|in|into|at|whether|what|which|where|how|up|through|out)\b)"
    r"|\bhere(?:['’]s| is) (?:the|a|my) (?:[\w-]{1,20} ){0,5}calls?(?: (?:to|for|with) [^:\n]{1,200})?\W*$",
    re.IGNORECASE,
)
_TO_OTHERS = re.compile(r"\b(?:you|your|yourself|please|below|above)\b", re.IGNORECASE)
_COMMENTED = re.compile(r"\s*+(?:#|//|--|\*|>>>)\s*+[\w.]{0,60}$|[^\n]{0,200}\blambda\b[^:\n]{0,60}:\s*+$")
_END_OF_SENTENCE = re.compile(r"(?<!\be\.g)(?<!^\d)(?<!\n\d)[.!?;](?:\s|$)")
_THOUGHT = re.compile(r"</(?:think|thinking|thoughts?|reasoning)>|assistant(?=commentary)", re.IGNORECASE)
_PROGRAM = re.compile(r"[\w.]{1,120}\(")
_RECIPIENT = re.compile(r"^\s*+(?:assistant\s++)?(?:analysis|final)\s++to=$")
_ASSIGNED = re.compile(r"[\w.]{1,60}\s*+=\s*+$")
_NAMES = re.compile(r"[\w-]+")
_LATIN = re.compile("[A-Za-zÀ-ɏ]{2}")
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
    spoken = _blanked(text, {*quotations, *((call.start, call.end) for call in calls)} - part_of_calls)
    for call in calls:
        lead = _lead(spoken, call.start)
        quoted = spoken.count('"""', 0, call.start) % 2 or _spans_in([call], blanked)
        means = _announces(lead, offered) or (_is_last_block(spoken, call) and _orders(lead))
        if not quoted and means and not _ASKS.search(_paragraph(spoken, call.start)) and _is_act(text, call):
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
    comment, tag, fence, edit = opening.group("comment", "tag", "fence", "edit")
    if edit:
        return "\n>>>>>"
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


def _is_act(text: str, call: Found) -> bool:
    """True unless the line that a call stands in only speaks of it."""
    start, end = call.start, call.end
    line = _THOUGHT.split(text[max(text.rfind("\n", 0, start) + 1, start - _BEFORE) : start])[-1]
    if _AFTERWARDS.match(text, end, end + 100) or _in_a_block(text, start, line):
        return False
    if line.lstrip().startswith("$ ") or (_COMMENTED.match(line) and _PROGRAM.match(text, start)):
        return False
    if _MARKUP.search(line) or _GLUED.match(_FIRST_WORD.sub("", line, count=1)):
        return True
    if line.rstrip(" *_`([{").endswith((":", "：")):
        return True
    return not _WORDS.search(line) or _ACTS.search(line) is not None


def _paragraph(text: str, start: int) -> str:
    """The paragraph that leads to a call, which may stand before its fence or tag."""
    before = _MARKUP.sub(" ", _THOUGHT.split(text[max(0, start - _BEFORE) : start])[-1] + "\n").rstrip()
    return before.rpartition("\n\n")[2]


def _lead(text: str, start: int) -> str:
    """The last sentence of that paragraph; the number of a list's entry ends none."""
    return _END_OF_SENTENCE.split(_paragraph(text, start))[-1]


def _is_last_block(text: str, call: Found) -> bool:
    """True for a call on lines of its own that ends the text."""
    line = text[max(0, text.rfind("\n", 0, call.start) + 1, call.start - _BEFORE) : call.start]
    return not _WORDS.search(_MARKUP.sub(" ", line)) and not _WORDS.search(_MARKUP.sub(" ", text[call.end :]))


def _orders(lead: str) -> bool:
    """True if a model tells itself what to do, or gives the call; not what others should do."""
    return not (_EXAMPLE.search(lead) or _TO_OTHERS.search(lead)) and _ORDERS.search(lead) is not None


def _announces(lead: str, offered: Offered) -> bool:
    """True if the model says that it acts, or only that it calls: other words may lead to a quotation."""
    if _EXAMPLE.search(lead):
        return False
    if _ACTS.search(lead):
        return True
    if _RECIPIENT.search(lead):
        return True
    last = _ASSIGNED.sub("", lead).rstrip(" \t\r\n\"'`*_:({[|>-.)0123456789").rpartition("\n")[2]
    words = (word for word in _NAMES.findall(last) if offered.by_letters(word) is None)
    return not _LATIN.search(_LABELS.sub("", " ".join(words).replace("_", " ")))


def _in_a_block(text: str, start: int, line: str) -> bool:
    """True for an indented line after the head of a function, loop or condition."""
    if not line[:1].isspace():
        return False
    before = text[max(0, start - len(line) - _BEFORE) : start - len(line)].rstrip()
    return _BLOCK.match(before.rpartition("\n")[2].lstrip()) is not None
