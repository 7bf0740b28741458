"""Parses a unified diff strictly into data, or refuses it with the reason.

An attack could use two programs that read the same diff differently, so no other program ever reads it. It
refuses binary content, symlinks, submodules, changed modes, unusual paths (absolute, `..`, `.git`, back
slashes, control characters, names that differ only in case), and very large patches.
"""

import re

from nightcrew.validation.change.change import FileDiff, Hunk, PatchRefused
from nightcrew.validation.change.path_rules import (
    PLAIN_DIFF,
    check_no_doubles,
    header_paths,
    new_side,
    old_side,
)

MAX_BYTES = 1_000_000
MAX_FILES = 200
MAX_LINE = 20_000
REGULAR_MODES = {"100644", "100755"}
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def parse_patch(text: str) -> tuple[FileDiff, ...]:
    """The files of a unified diff as git writes it.

    Raises:
        PatchRefused: it is empty, too large, malformed, or has refused content.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise PatchRefused(f"the patch is larger than {MAX_BYTES:,} bytes")
    if "\x1b[" in text[:200]:
        raise PatchRefused(f"the patch is coloured for a terminal; {PLAIN_DIFF}")
    files = _Parser(text).files()
    if not files:
        what = "is empty" if not text.strip() else "is not a diff"
        raise PatchRefused(f"the patch {what}: it changes no file")
    if len(files) > MAX_FILES:
        raise PatchRefused(f"the patch changes more than {MAX_FILES} files")
    check_no_doubles(files)
    return files


# ------------------------------------------------------------------------------------------------------


class _Parser:
    """Reads a diff from top to bottom; every line inside a file's part must be valid."""

    def __init__(self, text: str) -> None:
        self.lines = text.removesuffix("\n").split("\n")
        self.at = 0

    def files(self) -> tuple[FileDiff, ...]:
        found: list[FileDiff] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.startswith("diff --git "):
                found.append(self._git_file())
            elif line.startswith("--- ") and self._peek(1).startswith("+++ "):
                found.append(self._plain_file())
            elif line.startswith(("GIT binary patch", "Binary files ")):
                raise PatchRefused("the patch has binary content")
            elif line.startswith(("@@ ", "--- ", "+++ ", "diff ")):
                raise self._malformed()
            else:
                self.at += 1
        return tuple(found)

    def _peek(self, ahead: int) -> str:
        return self.lines[self.at + ahead] if self.at + ahead < len(self.lines) else ""

    def _git_file(self) -> FileDiff:
        header, self.at = self.lines[self.at], self.at + 1
        facts = self._extended_header()
        _check_modes(facts)
        if self._peek(0).startswith(("GIT binary patch", "Binary files ")):
            raise PatchRefused(f"the patch has binary content: {header[11:80]}")
        old, new = header_paths(header, facts)
        created, deleted = "new file mode" in facts, "deleted file mode" in facts
        hunks: tuple[Hunk, ...] = ()
        if self._peek(0).startswith("--- "):
            plain = self._plain_file()
            hunks = plain.hunks
            if plain.old_path not in {old, None} or plain.new_path not in {new, None}:
                raise PatchRefused(f"the patch names two different paths for one file: {header[:80]}")
            if (plain.old_path is None) != created or (plain.new_path is None) != deleted:
                raise PatchRefused(f"the patch says two things about whether a file exists: {header[:80]}")
        executable = facts.get("new file mode") == "100755"
        return FileDiff(None if created else old, None if deleted else new, hunks, executable)

    def _extended_header(self) -> dict[str, str]:
        facts: dict[str, str] = {}
        words = (
            "old mode", "new mode", "deleted file mode", "new file mode", "similarity index",
            "dissimilarity index", "rename from", "rename to", "copy from", "copy to", "index",
        )  # fmt: skip
        while self.at < len(self.lines):
            word = next((word for word in words if self.lines[self.at].startswith(f"{word} ")), None)
            if word is None:
                break
            if word in facts:
                raise PatchRefused(f"malformed patch at line {self.at + 1}: {word!r} twice")
            facts[word] = self.lines[self.at][len(word) + 1 :].rstrip("\r")
            self.at += 1
        return facts

    def _plain_file(self) -> FileDiff:
        old = old_side(self.lines[self.at][4:])
        new = new_side(self.lines[self.at + 1][4:])
        if old is None and new is None:
            raise PatchRefused(f"malformed patch at line {self.at + 1}: a file that is on neither side")
        self.at += 2
        hunks: list[Hunk] = []
        while self._peek(0).startswith("@@ "):
            hunks.append(self._hunk())
        if not hunks:
            raise PatchRefused(f"malformed patch at line {self.at + 1}: a file without a hunk")
        return FileDiff(old, new, tuple(hunks))

    def _hunk(self) -> Hunk:
        match = _HUNK.match(self.lines[self.at])
        if match is None:
            raise self._malformed()
        old_left, new_left = (int(length) if length is not None else 1 for length in match.group(2, 4))
        self.at += 1
        before: list[str] = []
        after: list[str] = []
        while old_left > 0 or new_left > 0:
            sign, line = self._hunk_line()
            if sign in " -":
                before.append(line)
                old_left -= 1
            if sign in " +":
                after.append(line)
                new_left -= 1
        if old_left or new_left:
            raise PatchRefused(
                f"malformed patch at line {self.at + 1}: a hunk's length does not fit its header"
            )
        return Hunk(int(match[1]), tuple(before), tuple(after))

    def _hunk_line(self) -> tuple[str, str]:
        """The next line's sign, and its text with its end."""
        if self.at >= len(self.lines):
            raise PatchRefused("malformed patch: it ends inside a hunk")
        line = self.lines[self.at]
        if len(line) > MAX_LINE:
            raise PatchRefused(f"a line of more than {MAX_LINE:,} characters")
        # Some tools strip the blank of an empty context line.
        sign, body = (line[0], line[1:]) if line else (" ", "")
        if sign not in " +-":
            raise self._malformed()
        if "\x00" in body:
            raise PatchRefused("the patch has binary content")
        self.at += 1
        if self._peek(0).startswith("\\ "):
            self.at += 1
            return sign, body
        return sign, body + "\n"

    def _malformed(self) -> PatchRefused:
        return PatchRefused(f"malformed patch at line {self.at + 1}: {self.lines[self.at][:60]!r}")


def _check_modes(facts: dict[str, str]) -> None:
    index = facts.get("index", "").split()
    modes = [
        facts[word]
        for word in ("old mode", "new mode", "new file mode", "deleted file mode")
        if word in facts
    ]
    for mode in [*modes, *index[1:2]]:
        if mode == "120000":
            raise PatchRefused("the patch makes or changes a symbolic link")
        if mode == "160000":
            raise PatchRefused("the patch makes or changes a submodule")
        if mode not in REGULAR_MODES:
            raise PatchRefused(f"the patch uses the file mode {mode[:12]!r}")
    if "old mode" in facts or "new mode" in facts:
        raise PatchRefused("the patch changes a file's mode")
