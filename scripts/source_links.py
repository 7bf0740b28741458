"""On the docs site, a link from a page to a file of the source tree leads to the repository.

A Markdown extension; the build fails at a link to a file that does not exist.
"""

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor

ROOT = Path(__file__).resolve().parents[1]
AFTER_INLINE = 5  # the pass that makes links has the priority 20


class SourceLinks(Extension):
    """Options: `repository`, the address of a folder of the repository's files."""

    def __init__(self, **options: Any) -> None:
        self.config = {"repository": ["", "the address that the paths are appended to"]}
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        md.treeprocessors.register(_Links(md, self.getConfig("repository")), "source_links", AFTER_INLINE)


makeExtension = SourceLinks  # noqa: N816


class _Links(Treeprocessor):
    def __init__(self, md: Markdown, repository: str) -> None:
        super().__init__(md)
        self.repository = repository

    def run(self, root: Element) -> None:
        for link in root.iter("a"):
            target = link.get("href", "")
            if target.startswith("../"):
                file = ROOT / target.removeprefix("../")
                if not file.exists():
                    raise FileNotFoundError(f"a page links to {target}, which does not exist")
                link.set("href", f"{self.repository}/{file.relative_to(ROOT)}")
