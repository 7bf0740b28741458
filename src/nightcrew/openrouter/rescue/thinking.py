"""Takes a model's thinking out of its text, where it stands at the start. Linear in the text."""

import re

_TAGS = "think(?:ing)?|thoughts?|reasoning|reflection|seed:think"
THINKING = re.compile(
    rf"<({_TAGS})(?:\s[^<>]{{0,200}})?>|(◁think▷)|(\[THINK\])|(<\|channel\|>analysis<\|message\|>)"
    r"|(<\|(?:begin_of_|start_)?(?:think|thinking|thought|reasoning)(?:_start|_begin)?\|>|<\|channel>thought\b)",
    re.IGNORECASE,
)
_CLOSE = {
    2: re.compile("◁/think▷"),
    3: re.compile(r"\[/THINK\]"),
    4: re.compile(r"<\|end\|>|(?=<\|start\|>|<\|channel\|>)"),
    5: re.compile(
        r"<\|?/?(?:end_of_|end_)?(?:think|thinking|thought|reasoning|channel)(?:_end)?\|>", re.IGNORECASE
    ),
}
_LONE_CLOSE = re.compile(rf"(^|[^`<])</(?:{_TAGS})>[ \t]*+(?=\n|$)", re.IGNORECASE)
_FINAL = re.compile(r"\s*+(?:<\|start\|>assistant)?<\|channel\|>final<\|message\|>")
_MOST_NESTED = 20


def split_thinking(text: str) -> tuple[str, str]:
    """The thinking at the start of `text`, and the rest; thinking that never ends is all of it."""
    thoughts: list[str] = []
    opening = THINKING.match(text, _indent(text))
    while opening:
        end, after = _end(text, opening)
        thoughts.append(text[opening.end() : end].strip())
        text = text[after:]
        if len(thoughts) >= 20:  # nobody thinks in more pieces
            break
        opening = THINKING.match(text, _indent(text))
    if not thoughts and (lone := _LONE_CLOSE.search(text)) and not THINKING.search(text, 0, lone.start()):
        # The opening tag may be part of the prompt.
        thoughts.append(text[: lone.end(1)].strip())
        text = text[lone.end() :]
    if final := _FINAL.match(text):
        text = text[final.end() :]
    return "\n".join(thoughts), text.lstrip() if thoughts else text


def end_of_thinking(text: str, opening: re.Match[str]) -> int:
    """Where the thinking that a match of `THINKING` opens has ended; it may be the text's end."""
    return _end(text, opening)[1]


# ----------------------------------------------------------------------------------------------------


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _end(text: str, opening: re.Match[str]) -> tuple[int, int]:
    """The end of the thinking, and of its closing mark; of nested thinking it is the outermost one."""
    if not opening[1]:
        closing = _CLOSE[opening.lastindex or 2].search(text, opening.end())
        return (closing.start(), closing.end()) if closing else (len(text), len(text))
    mark = re.compile(rf"<(/?){re.escape(opening[1])}(?:\s[^<>]{{0,200}})?>", re.IGNORECASE)
    depth, last = 1, None
    for found in mark.finditer(text, opening.end()):
        depth += -1 if found[1] else 1
        last = found if found[1] else last
        if depth == 0 or depth > _MOST_NESTED:
            break
    return (last.start(), last.end()) if last else (len(text), len(text))
