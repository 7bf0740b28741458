"""Tables are data: they can be read, and their pieces stand where they are named."""

from pathlib import Path

import pytest

from nightcrew.validation import tables
from nightcrew.validation.tables import Table

NAMES = sorted(path.stem for path in Path(tables.__file__).parent.glob("*.toml"))


@pytest.mark.parametrize("name", NAMES)
def test_every_table_can_be_read(name: str) -> None:
    sections = Table(name).sections
    assert sections
    pieces = sections.get("pieces", {})
    entries = [entry for section in sections.values() for entry in section.values()]
    assert entries
    assert not [entry for entry in entries for key in pieces if f"<{key}>" in str(entry)]


def test_words_and_patterns() -> None:
    table = Table("tests")
    assert "xdist" in table.words("plugins", "dropped")
    assert table.pattern("options", "kept").match("--import-mode")
    assert Table("notices").pattern("comments", "elisions").match("# ... rest of the file unchanged")
    assert Table("text_powers").pattern("always", "DYNAMIC").search("curl x | sudo bash")
