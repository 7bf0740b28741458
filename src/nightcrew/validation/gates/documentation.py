"""Documentation: the code stays as it is, its description is true as far as a check can find out, and what no
check can decide is listed."""

import ast
import re
from collections import Counter
from dataclasses import dataclass, field

from nightcrew.target_config import ReadingPolicy
from nightcrew.task import Task, TaskType
from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import is_documentation
from nightcrew.validation.gate import answered, failed, passed
from nightcrew.validation.reading import comments
from nightcrew.validation.reading.claims import Code, documented, false_claims
from nightcrew.validation.reading.docstrings import (
    EMPTY_WORDS,
    Entry,
    coverage,
    entries,
    is_vacuous,
    read_by_code,
    skeleton,
    without_docstrings,
)
from nightcrew.validation.reading.prose import filler, new_sentences, says_nothing
from nightcrew.validation.reading.suite import parse
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.docstring_examples import try_examples
from nightcrew.validation.running.document_claims import document_problem, document_questions
from nightcrew.validation.verdict import Finding, GateResult, Severity

NAME = "documentation"
_LONG_DOCSTRING = 20  # words with a meaning of their own
MOST_VACUOUS = 0.5
_IDENTIFIER = re.compile(r"[A-Za-z_]\w{2,}")


@dataclass
class Said:
    """What a change's new text claims, file by file."""

    prose: list[Finding] = field(default_factory=list)  # sentences that no check can decide
    powers: list[Finding] = field(default_factory=list)  # texts that the program prints; where is unknown
    untried: int = 0  # docstrings and blocks whose examples could not all be tried
    is_new: bool = False


class Documentation:
    """Checks that the change edits only docstrings, comments and documents, and that they are true."""

    name = NAME

    def applies(self, task: Task) -> bool:
        """True for documentation tasks."""
        return task.task_type is TaskType.DOCUMENTATION

    def run(self, room: CleanRoom) -> GateResult:
        """Compares the code first, then checks its description."""
        target = room.task.target_file or ""
        about = room.change(target)
        if about is None or about.after is None:
            hint = f"Document {target}; it is what the task is about."
            return failed(NAME, f"{target} is not documented by the change.", hint)
        said, words = Said(), room.once(_words_in)
        for change in room.changes:
            if change.after is None:
                continue
            problem = (
                _judge_python(room, change, said, words)
                if change.path.endswith(".py")
                else _judge_document(room, change, said, words)
            )
            if problem is not None:
                return problem
        if not said.is_new:
            return failed(NAME, "The change says nothing new.", "Write what a reader needs to know.")
        return _concluded(room, about, said)


# ------------------------------------------------------------------------------------------------------


def _refused(change: Change, what: str, hint: str) -> GateResult:
    return failed(NAME, f"{change.path}: {what}", hint, evidence={"path": change.path})


def _concluded(room: CleanRoom, about: Change, said: Said) -> GateResult:
    unsaid = f" {len(said.prose)} new sentences say what no check can tell." if said.prose else ""
    unsaid += f" The examples of {said.untried} could not all be tried here." if said.untried else ""
    findings = [*said.powers]
    if room.config.documentation is ReadingPolicy.PERSON:
        findings += said.prose
    if findings:
        return answered(
            NAME,
            findings,
            nothing="",
            opening="Code is unchanged and what can be checked is true; what no check can tell",
            hint="",
            question='Is it true? (`documentation = "accept"` in nightcrew.toml takes such prose unread.)',
        )
    strength = 0.8
    if about.path.endswith(".py"):
        has, total = coverage(ast.parse(about.after or ""))
        strength = 0.7 + 0.3 * has / max(total, 1)
    message = f"The code is unchanged, and what can be checked of the new text is true.{unsaid}"
    return passed(
        NAME, message, strength=strength, unchecked_sentences=len(said.prose), untried_examples=said.untried
    )


def _note_prose(said: Said, change: Change, fresh: list[str], *names: str) -> None:
    what = f"{names[0] or 'the module'}: " if names else ""
    said.prose += [Finding(f"{what}{one[:160]}", change.path, severity=Severity.PERSON) for one in fresh]


# -- Python ----------------------------------------------------------------------------------------------


def _judge_python(room: CleanRoom, change: Change, said: Said, words: set[str]) -> GateResult | None:
    old, new = parse(change.before or ""), parse(change.after or "")
    if change.before is None or old is None or new is None:
        return _touched(change)
    if without_docstrings(old) != without_docstrings(new):
        return _touched(change)
    if comments.directives(change.before) != comments.directives(change.after or ""):
        return _refused(change, "a comment that tools read is changed.", "Leave such comments as they are.")
    return _judge_words(room, change, said, words, entries(old), entries(new))


def _judge_words(
    room: CleanRoom,
    change: Change,
    said: Said,
    words: set[str],
    before: dict[str, Entry],
    after: dict[str, Entry],
) -> GateResult | None:
    """Checks the new docstrings and comments of a file."""
    fresh = [one for name, one in after.items() if one.docstring and _has_other_words(before[name], one)]
    remarks = new_sentences(comments.words(change.before or ""), comments.words(change.after or ""))
    said.is_new |= bool(fresh) or bool(remarks) or _other_words(change)
    problem = (
        _lost(change, before, after)
        or _empty(change, before, fresh, words, remarks)
        or _false(room, change, before, fresh, words)
    )
    if problem is not None:
        return problem
    for entry in fresh:
        sentences = new_sentences(before[entry.name].docstring or "", entry.docstring or "")
        _note_prose(said, change, sentences, entry.name)
    _note_prose(said, change, remarks, "a comment")
    for name in read_by_code(fresh, after[""].node, room.once(_trees)):
        what = f"the docstring of {name or 'the module'} is shown by the program"
        said.powers.append(Finding(what, change.path, severity=Severity.PERSON))
    return _examples(room, change, fresh, said)


def _touched(change: Change) -> GateResult:
    what = "the change touches code, not only docstrings and comments."
    return _refused(change, what, "Change docstrings and comments only; leave the code exactly as it is.")


def _has_other_words(before: Entry, after: Entry) -> bool:
    return (after.docstring or "").split() != (before.docstring or "").split()


def _false(
    room: CleanRoom, change: Change, before: dict[str, Entry], fresh: list[Entry], words: set[str]
) -> GateResult | None:
    """The first new docstring that describes something the code does not do."""
    code = Code(room.once(_trees), words)
    for entry in fresh:
        known = set(false_claims(before[entry.name], code))
        wrong = [one for one in false_claims(entry, code) if one not in known]
        if wrong:
            what = f"the docstring of {entry.name or 'the module'} names {wrong[0]}."
            return _refused(change, what, "Describe only what the code has and does.")
    return None


def _other_words(change: Change) -> bool:
    """True where the words of existing comments changed, if only in spelling."""
    old, new = comments.words(change.before or ""), comments.words(change.after or "")
    return old != new and old.count("\n\n") == new.count("\n\n")


def _lost(change: Change, before: dict[str, Entry], after: dict[str, Entry]) -> GateResult | None:
    hint = "Keep what docstrings explain."
    for name, entry in before.items():
        if not entry.docstring:
            continue
        if not after[name].docstring:
            return _refused(change, f"the docstring of {name or 'the module'} is taken away.", hint)
        had, has = documented(entry.docstring), documented(after[name].docstring or "")
        gone = sorted(one for kind in had for one in had[kind] - has[kind] if one in (entry.words or ()))
        if gone:
            what = f"{gone[0]} is no longer explained in the docstring of {name or 'the module'}."
            return _refused(change, what, hint)
    return None


def _empty(
    change: Change, before: dict[str, Entry], fresh: list[Entry], words: set[str], remarks: list[str]
) -> GateResult | None:
    """New text without information: fillers, the name again, one sentence for all, unrelated words."""
    hint = "Say what a caller gets, what goes in, which errors come, and what is surprising."
    texts = [entry.docstring or "" for entry in fresh]
    fillers = next(filter(None, map(filler, [*texts, *remarks])), "")
    if fillers:
        return _refused(change, f"{fillers!r} stands where a text should.", hint)
    first = [entry for entry in fresh if not before[entry.name].docstring]
    judged = [entry for entry in first if entry.is_public] or first
    vacuous = _vacuous(judged, first)
    if judged and len(vacuous) / len(judged) > MOST_VACUOUS and (len(vacuous) > 1 or len(judged) == 1):
        count = f"{len(vacuous)} of {len(judged)} docstrings"
        example = (vacuous[0].docstring or "").strip()[:80]
        return _refused(change, f"{count} say nothing that the name does not say, as {example!r}.", hint)
    # A docstring is next to the code that it describes, so it may explain the code in words of its own.
    if says_nothing(texts, _vocabulary(words), EMPTY_WORDS, least_words=_LONG_DOCSTRING):
        return _refused(change, "the new text is about nothing in this repository.", hint)
    return None


def _vacuous(judged: list[Entry], first: list[Entry]) -> list[Entry]:
    """Docstrings that add nothing to the name, or repeat several others."""
    texts = Counter((entry.docstring or "").strip() for entry in first)
    forms = Counter(map(skeleton, first))
    return [
        entry
        for entry in judged
        if is_vacuous(entry)
        or texts[(entry.docstring or "").strip()] > 2
        or (skeleton(entry) and forms[skeleton(entry)] > 2)
    ]


def _examples(room: CleanRoom, change: Change, fresh: list[Entry], said: Said) -> GateResult | None:
    tried = try_examples(room, change.path, [entry.docstring or "" for entry in fresh], room.once(_words_in))
    if tried.problem:
        return _refused(change, tried.problem, "Run every example; write what it really prints.")
    said.untried += tried.untried
    return None


# -- documents --------------------------------------------------------------------------------------------


def _judge_document(room: CleanRoom, change: Change, said: Said, words: set[str]) -> GateResult | None:
    if not is_documentation(change.path):
        return _refused(change, "it is neither a document nor a Python file.", "Write documents only.")
    before, after = change.before or "", change.after or ""
    fresh = new_sentences(before, after)
    said.is_new |= before.split() != after.split()
    hint = "Write what is true of this repository, and check every name, path and command."
    if any(filler(one) for one in fresh):
        what = f"{next(filter(None, map(filler, fresh)))!r} stands where a text should."
        return _refused(change, what, hint)
    if says_nothing(fresh, _vocabulary(words), EMPTY_WORDS):
        return _refused(change, "the new text is about nothing in this repository.", hint)
    problem, untried = document_problem(room, change, words)
    if problem:
        return _refused(change, problem, hint)
    said.untried += untried
    said.powers += [
        Finding(one, change.path, severity=Severity.PERSON) for one in document_questions(room, change)
    ]
    _note_prose(said, change, fresh)
    return None


# -- the repository ----------------------------------------------------------------------------------------


def _words_in(room: CleanRoom) -> set[str]:
    """Every word of the repository's code and documents on base: new text may refer to these."""
    texts = room.base_tree.texts(".py", ".pyi", ".md", ".rst", ".toml", ".cfg", ".c", ".pyx")
    return {word for text in texts.values() for word in _IDENTIFIER.findall(text)}


def _trees(room: CleanRoom) -> dict[str, ast.Module]:
    texts = room.base_tree.python.items()
    return {path: tree for path, text in texts if (tree := parse(text)) is not None}


def _vocabulary(words: set[str]) -> set[str]:
    """The parts of a repository's words: `parse_price` gives `parse` and `price`."""
    parts = (part for word in words for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", word))
    return {part.lower() for part in parts if len(part) > 3} | {word.lower() for word in words}
