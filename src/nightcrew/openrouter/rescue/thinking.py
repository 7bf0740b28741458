"""Takes a model's thinking out of its text, where it stands at the start. Linear in the text."""

import re

_TAGS = "think|thinking|thought|reasoning|reflection|seed:think"
_OPEN = re.compile(rf"\s*+(?:<({_TAGS})>|(◁think▷)|(\[THINK\])|(<\|channel\|>analysis<\|message\|>))")
_CLOSE = {2: "◁/think▷", 3: "[/THINK]", 4: "<|end|>"}
_LONE_CLOSE = re.compile(rf"(^|[^`<])</(?:{_TAGS})>[ \t]*+(?=\n|$)")
_FINAL = re.compile(r"\s*+(?:<\|start\|>assistant)?<\|channel\|>final<\|message\|>")


def split_thinking(text: str) -> tuple[str, str]:
    """The thinking at the start of `text`, and the rest; thinking that never ends is all of it."""
    thoughts: list[str] = []
    while opening := _OPEN.match(text):
        close = f"</{opening[1]}>" if opening[1] else _CLOSE[opening.lastindex or 2]
        thought, _, text = text[opening.end() :].partition(close)
        thoughts.append(thought.strip())
        if len(thoughts) >= 20:  # nobody thinks in more pieces
            break
    if not thoughts and (lone := _LONE_CLOSE.search(text)) and not _OPENED.search(text, 0, lone.start()):
        # The opening tag may be part of the prompt.
        thoughts.append(text[: lone.end(1)].strip())
        text = text[lone.end() :]
    if final := _FINAL.match(text):
        text = text[final.end() :]
    return "\n".join(thoughts), text.lstrip() if thoughts else text


# ----------------------------------------------------------------------------------------------------

_OPENED = re.compile(rf"<(?:{_TAGS})>")
