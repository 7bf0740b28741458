"""Documentation: the code stays as it is, its description is true as far as a check can find out, and what no
check can decide is listed.

A person reads new sentences, which no check can decide. With `documentation = "accept"` in nightcrew.toml
they are accepted where they add to what is there, and a person reads them only where they say the opposite of
what was there, name a number that their file does not know, replace most of a text, or are a new document.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nightcrew.target_config import ReadingPolicy
from nightcrew.task import TaskType
from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import is_documentation, is_release_note
from nightcrew.validation.gate import Gate, answered, failed, passed
from nightcrew.validation.reading import comments, documents
from nightcrew.validation.reading.claims import Code, documented, speaks_of_missing_result, unnamed_errors
from nightcrew.validation.reading.docstrings import (
    EMPTY_WORDS,
    Entry,
    coverage,
    entries,
    has_same_code,
    read_by_code,
)
from nightcrew.validation.reading.prose import (
    NewText,
    added,
    filler,
    is_legal,
    moved_sentence,
    new_text,
    promises,
    says_nothing,
    unknown_numbers,
)
from nightcrew.validation.reading.suite import read, tree_of
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.docstring_claims import (
    changed_docstrings,
    code_of,
    docstring_problem,
    trees_of,
    vocabulary,
    words_in,
)
from nightcrew.validation.running.docstring_examples import try_examples
from nightcrew.validation.running.document_claims import document_problem, document_questions
from nightcrew.validation.verdict import Finding, GateResult, Severity

NAME = "documentation"


@dataclass
class Claims:
    """What a change's new text claims, in all files."""

    prose: list[Finding] = field(default_factory=list)  # sentences that no check can decide
    doubts: list[Finding] = field(default_factory=list)  # what a person reads, whatever the policy
    untried: int = 0  # docstrings and blocks whose examples could not all be tried
    is_new: bool = False

    def doubt(self, what: str, path: str, severity: Severity = Severity.PERSON) -> None:
        """Adds something that a person decides, at once or where no attempt is left."""
        self.doubts.append(Finding(what[:200], path, severity=severity))

    def add(self, path: str, text: NewText, where: str = "", known: str | None = None) -> None:
        """Adds the new sentences of a text; the numbers in them should be in `known`."""
        what = f"{where}: " if where else ""
        for one in text.fresh:
            self.prose.append(Finding(f"{what}{one[:160]}", path, severity=Severity.PERSON))
            if one in text.turned:
                self.doubt(f"{what}it says otherwise than before: {one}", path)
            elif known is not None and (numbers := unknown_numbers(one, known)):
                self.doubt(f"{what}nothing in the file knows {numbers[0]}: {one}", path)
            elif promises(one):
                self.doubt(f"{what}it promises what no example shows: {one}", path)
            elif is_legal(one):
                self.doubt(f"{what}it speaks of rights: {one}", path)
        if text.is_rewritten:
            self.doubt(f"{what}most of the text is replaced by another", path)
        elif text.gone:
            self.doubt(f"{what}it no longer says: {text.gone[0]}", path)


class Documentation(Gate):
    """Checks that the change edits only docstrings, comments and documents, and that they are true."""

    name = NAME
    types = (TaskType.DOCUMENTATION,)

    def run(self, room: CleanRoom) -> GateResult:
        """Compares the code first, then checks its description."""
        target = room.task.target_file or ""
        about = room.change(target)
        if about is None or about.after is None:
            hint = f"Document {target}; it is what the task is about."
            return failed(NAME, f"{target} is not documented by the change.", hint)
        claims = Claims()
        for change in room.changes:
            if change.after is None:
                continue
            judge = _judge_python if change.path.endswith(".py") else _judge_document
            problem = judge(room, change, claims)
            if problem is not None:
                return problem
        return _concluded(room, about, claims)


# ------------------------------------------------------------------------------------------------------


def _refused(change: Change, what: str, hint: str) -> GateResult:
    return failed(NAME, f"{change.path}: {what}", hint, evidence={"path": change.path})


def _concluded(room: CleanRoom, about: Change, claims: Claims) -> GateResult:
    unsaid = f" {len(claims.prose)} new sentences say what no check can tell." if claims.prose else ""
    unsaid += f" The examples of {claims.untried} could not all be tried here." if claims.untried else ""
    if not claims.is_new:
        claims.doubt("the text says nothing new, only its layout changes", about.path, Severity.UNPROVEN)
    findings = [*claims.doubts]
    if room.config.documentation is ReadingPolicy.PERSON:
        findings += claims.prose
    if findings:
        return answered(
            NAME,
            findings,
            opening="Code is unchanged and what can be checked is true; what no check can tell",
            hint="Write what a reader of this repository needs to know.",
            question="Is it true?",
        )
    strength = 0.8
    if about.path.endswith(".py"):
        has, total = coverage(tree_of(about.after or ""))
        strength = 0.7 + 0.3 * has / max(total, 1)
    message = f"The code is unchanged, and what can be checked of the new text is true.{unsaid}"
    unread = [f"{one.place}: {one.what}" for one in claims.prose[:40]]
    return passed(NAME, message, strength=strength, unchecked_sentences=len(claims.prose), unread=unread,
                  untried_examples=claims.untried)  # fmt: skip


# -- Python ----------------------------------------------------------------------------------------------


def _judge_python(room: CleanRoom, change: Change, claims: Claims) -> GateResult | None:
    if change.before is None or not has_same_code(change.before, change.after):
        what = "the change touches code, not only docstrings and comments."
        return _refused(change, what, "Change docstrings and comments only; leave the code exactly as it is.")
    if comments.directives(change.before) != comments.directives(change.after or ""):
        return _refused(change, "a comment that tools read is changed.", "Leave such comments as they are.")
    return _judge_words(room, change, claims, entries(read(change.before)), entries(read(change.after)))


def _judge_words(
    room: CleanRoom, change: Change, claims: Claims, before: dict[str, Entry], after: dict[str, Entry]
) -> GateResult | None:
    """Checks the new docstrings and comments of a file."""
    known = change.before or ""
    fresh = changed_docstrings(before, after)
    remarks = new_text(comments.words(known), comments.words(change.after or ""))
    claims.is_new |= bool(fresh) or bool(remarks.fresh) or _other_words(change)
    problem = docstring_problem(room, before, after, remarks.fresh)
    if problem is not None:
        return _refused(change, *problem)
    for entry in fresh:
        text = new_text(before[entry.name].docstring or "", entry.docstring or "")
        claims.add(change.path, text, entry.name or "the module", known)
        old, new = (documented(one.docstring or "")["types"] for one in (before[entry.name], entry))
        where = entry.name or "the module"
        claims.prose += [
            Finding(f"{where}: {one}", change.path, severity=Severity.PERSON) for one in sorted(new - old)
        ]
    claims.add(change.path, remarks._replace(gone=[]), "a comment", known)
    _read_comments(room, change, claims, alone=not fresh)
    for entry in fresh:
        for doubt in _doubts(entry, before[entry.name], room.once(code_of)):
            claims.doubt(f"{entry.name}: {doubt}", change.path)
    for name in read_by_code(fresh, after[""].node, room.once(trees_of)):
        claims.doubt(f"the docstring of {name or 'the module'} is shown by the program", change.path)
    return _judge_examples(room, change, claims, [entry.docstring or "" for entry in fresh])


def _judge_examples(
    room: CleanRoom, change: Change, claims: Claims, docstrings: Sequence[str]
) -> GateResult | None:
    """Runs the examples in a file's new docstrings."""
    tried = try_examples(room, change.path, docstrings, room.once(words_in))
    claims.untried += tried.untried
    if tried.doubt:
        claims.doubt(f"an example, skipped or wrong before, gives otherwise: {tried.doubt}", change.path)
    if tried.problem:
        return _refused(change, tried.problem, "Run every example; write what it really prints.")
    return None


def _doubts(entry: Entry, old: Entry, code: Code) -> Iterator[str]:
    """What a docstring says, or no longer says, of results and errors that the code does not confirm."""
    if speaks_of_missing_result(entry) and not speaks_of_missing_result(old):
        yield "it speaks of a result, and there is none"
    for error in sorted(unnamed_errors(entry, code) - unnamed_errors(old, code)):
        yield f"nothing that it calls names {error}"
    before, after = (documented(one.docstring or "")["raises"] for one in (old, entry))
    for error in sorted(before - after):
        yield f"it no longer tells of {error}"


def _read_comments(room: CleanRoom, change: Change, claims: Claims, *, alone: bool) -> None:
    """Doubts about comments that moved, or are the only new text and say nothing about the repository."""
    old, new = comments.words(change.before or ""), comments.words(change.after or "")
    if moved := moved_sentence(old, new):
        claims.doubt(f"a comment stands at another place: {moved}", change.path)
    is_corrected = bool(added(new, old))
    known = room.once(vocabulary)
    if alone and not is_corrected and says_nothing([added(old, new)], known, EMPTY_WORDS, least_words=1):
        claims.doubt("the new comments are about nothing in this repository", change.path, Severity.UNPROVEN)


def _other_words(change: Change) -> bool:
    """True where the words of existing comments changed, if only in spelling."""
    old, new = comments.words(change.before or ""), comments.words(change.after or "")
    return old != new and old.count("\n\n") == new.count("\n\n")


# -- documents --------------------------------------------------------------------------------------------


def _judge_document(room: CleanRoom, change: Change, claims: Claims) -> GateResult | None:
    if not is_documentation(change.path) and not is_release_note(change.path):
        return _refused(change, "it is neither a document nor a Python file.", "Write documents only.")
    before, after = change.before or "", change.after or ""
    text = new_text(before, after)
    claims.is_new |= before.split() != after.split() or _code(change.path, before) != _code(
        change.path, after
    )
    hint = "Write what is true of this repository, and check every name, path and command."
    fillers = next(filter(None, map(filler, text.fresh)), "")
    if fillers:
        return _refused(change, f"{fillers!r} stands where a text should.", hint)
    if says_nothing([added(before, after)], room.once(vocabulary), EMPTY_WORDS):
        claims.doubt("the new text is about nothing in this repository", change.path, Severity.UNPROVEN)
    problem, untried = document_problem(room, change, room.once(words_in))
    if problem:
        return _refused(change, problem, hint)
    claims.untried += untried
    for question in document_questions(room, change):
        claims.doubt(question, change.path)
    if change.is_new and not is_release_note(change.path):
        claims.doubt(
            f"the document is new; none of its {len(text.fresh)} sentences was there before", change.path
        )
    claims.add(change.path, text)
    return None


def _code(path: str, text: str) -> list[str]:
    return [one.text for one in documents.blocks(path, text)]
