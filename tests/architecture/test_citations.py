"""Every document and section that is cited stands in the repository.

A citation in code or tests names the document and the section: `docs/rules.md §3.5` is paragraph 5
of section 3. Several sections may follow one document. Within docs/ the folder may be left out, and
a section without a document is one of the same page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
CODE = sorted(path for room in ("core", "tui", "tests") for path in (ROOT / room).rglob("*.py"))

CITATION = re.compile(
    r"(?P<document>(?:[\w.-]+/)*[\w-]+\.md)?"
    r"(?P<sections>(?:(?:[\s`#,;:]|\band\b|\bor\b|\bto\b)*§\s?\d+(?:\.\d+)*)+)"
    r"|(?P<whole>\bdocs/(?:[\w-]+/)*[\w-]+\.md)"
)
NUMBER = re.compile(r"\d+(?:\.\d+)*")
HEADING = re.compile(r"#+ ")
SECTION = re.compile(r"##+ (\d+(?:\.\d+)*)\.? ")
PARAGRAPH = re.compile(r"(\d+)\. ")
LINK = re.compile(r"\]\((?P<path>[^)\s#]*)(?:#(?P<anchor>[^)\s]*))?\)")

# Pages outside the repository, which its readers cannot open; spelt so as not to be a mention.
ELSEWHERE = re.compile(r"rule[b]ook|produc[t]\.md", re.IGNORECASE)


@dataclass(frozen=True)
class Citation:
    """A section of a document (None: the document as a whole), and the line that cites it."""

    where: str
    document: Path
    section: str | None

    def __str__(self) -> str:
        name = self.document.relative_to(ROOT)
        return f"{self.where}: {name}" + ("" if self.section is None else f" §{self.section}")


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def place(path: Path, position: int) -> str:
    return f"{path.relative_to(ROOT)}:{text_of(path).count(chr(10), 0, position) + 1}"


def prose(page: Path) -> Iterator[str]:
    """The lines of a page that are no code."""
    fenced = False
    for line in text_of(page).splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield line


@cache
def numbers(page: Path) -> tuple[str, ...]:
    """The numbers of a page's sections and of their paragraphs, in order."""
    found = []
    section = None
    for line in prose(page):
        if HEADING.match(line):
            heading = SECTION.match(line)
            section = heading[1] if heading else None
            found += [section] if section else []
        elif section and (paragraph := PARAGRAPH.match(line)):
            found.append(f"{section}.{paragraph[1]}")
    return tuple(found)


@cache
def anchors(page: Path) -> frozenset[str]:
    """What a link to a heading of a page is called."""
    headings = (line.lstrip("# ").lower() for line in prose(page) if HEADING.match(line))
    return frozenset(re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in headings)


def cited(path: Path) -> Iterator[Citation]:
    if "§" not in text_of(path) and "docs/" not in text_of(path):
        return
    for found in CITATION.finditer(text_of(path)):
        name = found["document"] or found["whole"]
        if name is None:
            document = path
        elif name.startswith("docs/"):
            document = ROOT / name
        else:
            document = (path.parent / name).resolve()
        where = place(path, found.end())
        for section in NUMBER.findall(found["sections"] or "") or [None]:
            yield Citation(where, document, section)


@cache
def citations() -> list[Citation]:
    return [one for path in (*CODE, *PAGES) for one in cited(path)]


def test_every_citation_names_a_document_in_docs() -> None:
    known = set(PAGES)
    assert [str(one) for one in citations() if one.document not in known] == []


def test_every_cited_section_exists() -> None:
    numbered = [one for one in citations() if one.section is not None and one.document in PAGES]
    assert [str(one) for one in numbered if one.section not in numbers(one.document)] == []
    assert numbered


@pytest.mark.parametrize(
    "page", [page for page in PAGES if numbers(page)], ids=lambda one: one.name
)
def test_sections_and_paragraphs_are_numbered_without_a_gap(page: Path) -> None:
    last = {"": 0}
    for number in numbers(page):
        parent, _, own = number.rpartition(".")
        assert int(own) == last[parent] + 1, (
            f"{page.name}: found §{number}, expected number {last[parent] + 1} there"
        )
        last[parent], last[number] = int(own), 0


def test_nobody_cites_what_is_not_in_the_repository() -> None:
    stale = [
        place(path, found.start())
        for path in (*CODE, *PAGES)
        for found in ELSEWHERE.finditer(text_of(path))
    ]
    assert stale == []


def test_every_link_between_pages_leads_somewhere() -> None:
    lost = []
    for page in PAGES:
        for found in LINK.finditer(text_of(page)):
            if "://" in found["path"]:
                continue
            target = (page.parent / found["path"]).resolve() if found["path"] else page
            there = target.exists()
            if there and found["anchor"]:
                there = found["anchor"] in anchors(target)
            if not there:
                lost.append(f"{place(page, found.start())}: {found[0][2:-1]}")
    assert lost == []
