"""Whether README.md and the pages in docs/ say only what the rows carry.

    python benchmarks/claims.py      # tells every sentence and table that stands on nothing, and exits with 1

A sentence with a word of comparison (:data:`WORDS`) must be followed by a comment that names rows and verdicts,

    <!-- claim: results: cora / 35 / auto / gcn above results: cora / 0 / class_mean / gcn -->

one on each line, at least as many as there are such words, of two rows of one dataset each. They are computed again
(:mod:`verdicts`), and the word must be one that such a verdict allows. Numbers stand in tables only where these are
generated (:mod:`pages`); a published number in a sentence must be in published.jsonl.
"""

import re
import sys
from collections.abc import Iterator

import pages
import published
import verdicts

ABOVE, BELOW, LEVEL = {"above"}, {"below"}, {"level"}
WORDS = {
    "above": ABOVE, "beats": ABOVE, "beat": ABOVE, "beaten": ABOVE, "better": ABOVE, "ahead": ABOVE, "more than": ABOVE,
    "outperforms": ABOVE, "outperform": ABOVE, "exceeds": ABOVE, "superior": ABOVE, "surpasses": ABOVE, "wins": ABOVE,
    "below": BELOW, "behind": BELOW, "worse": BELOW, "level": LEVEL, "on par": LEVEL, "at least as": ABOVE | LEVEL,
}  # fmt: skip
"""Words of comparison, each with the verdicts of which one at least has to stand behind it."""

FENCE = re.compile(r"^[ >]*```.*?^[ >]*```", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"``[^\n]*?``|`[^`\n]*`")
CLAIM = re.compile(r"<!-- claim:(.*?)-->", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
ONE_CLAIM = re.compile(r"^(\w+: .+?) (above|level|below) (\w+: .+)$")
WORD = re.compile(rf"\b(not |never )?({'|'.join(WORDS)})\b", re.IGNORECASE)
CITATION = re.compile(r"\((?:[^()]*\b(?:19|20)\d\d\b[^()]*)\)")
PRINTED = re.compile(r"\bpublished\b\W{0,3}(?:\w+ )?\W{0,3}(\d+(?:\.\d+)?(?:\W+\d+(?:\.\d+)?)*)", re.IGNORECASE)
BREAK = re.compile(r"(?<=[.!?])[)*\"_]*\s+(?=[^<\s]|<[^!\d])|\n\s*\n|\n(?=\s*[-*#|\d>])")
TABLES = re.compile(r"^[^\n]*\|[^\n]*$", re.MULTILINE)


def problems(text: str) -> Iterator[str]:
    """Yield what is wrong with a page, one sentence each."""
    text = pages.BLOCK.sub("", text)
    if "<!-- generated" in text or "<table" in text.lower():
        yield "a generated part that is not closed, or not written as pages.py reads it; or a table in HTML"
    text = FENCE.sub("", text)
    yield from _numbers(text)
    for sentence in _sentences(text):
        yield from _unfounded(sentence)


def _numbers(text: str) -> Iterator[str]:
    """Yield rows of tables that hold numbers."""
    for row in TABLES.findall(COMMENT.sub("", text)):
        if "|" in CODE.sub("", row) and re.search(r"\d", CITATION.sub("", CODE.sub(_worded, _unlinked(row)))):
            yield f"a number in a table that is not generated: {row}"


def _unfounded(sentence: str) -> Iterator[str]:
    """Yield what a sentence says without a claim, or a line of published.jsonl, that carries it."""
    known = {f"{one.value:g}" for one in published.load()}
    bare = _bare(sentence)
    words = [(bool(found[1]), found[2].lower()) for found in WORD.finditer(bare)]
    claims = [claim.strip() for block in CLAIM.findall(sentence) for claim in block.strip().splitlines()]
    yield from _false(claims)
    reported = {match[2] for claim in claims if (match := ONE_CLAIM.match(claim))}
    for denied, word in words:
        if denied or not WORDS[word] & reported:
            yield f"{word!r} without a claim that carries it: {bare}"
    if len(claims) < len(words):
        yield f"{len(words)} words of comparison, {len(claims)} claims: {bare}"
    for values in PRINTED.findall(bare):
        for value in re.findall(r"\d+(?:\.\d+)?", values):
            if f"{float(value):g}" not in known:
                yield f"published.jsonl has no {value}: {bare}"


def _worded(code: re.Match[str]) -> str:
    """Return nothing for code such as ``DistillCF(bytes_share=1e9)``, and a bare number as it is."""
    return "" if re.search(r"[A-Za-z]{2}", code[0]) else code[0]


def _sentences(text: str) -> Iterator[str]:
    """Yield sentences with the comments behind them, without marks of emphasis and quotation."""
    hidden: list[str] = []

    def hide(found: re.Match[str]) -> str:
        hidden.append(found[0])
        return f"<{len(hidden) - 1}>"

    text = COMMENT.sub(hide, CODE.sub(_shown, _unlinked(text)))
    for part in BREAK.split(text):
        sentence = re.sub(r"<(\d+)>", lambda found: hidden[int(found[1])], part or "").strip()
        if sentence:
            yield sentence


def _shown(code: re.Match[str]) -> str:
    """Return code in prose as a word, unless it is words itself."""
    return code[0].strip("`") if re.fullmatch(r"`+[a-z ]+`+", code[0]) and " " in code[0] else "code"


def _bare(sentence: str) -> str:
    text = re.sub(r"[*_>]|&nbsp;|\|", " ", re.sub(r"</?[a-z]+>", " ", COMMENT.sub("", sentence)))
    return " ".join(text.split())


def _unlinked(text: str) -> str:
    return re.sub(r"\]\([^)]*\)", "]", text)


def _false(claims: list[str]) -> Iterator[str]:
    """Yield what is wrong with the claims of a comment."""
    for claim in claims:
        match = ONE_CLAIM.match(claim)
        if match is None:
            yield f"a claim is written 'FILE: KEY above FILE: KEY', got {claim!r}"
            continue
        first, second = (re.split(r" / |: ", side)[1] for side in (match[1], match[3]))
        if first != second or match[1] == match[3]:
            yield f"a claim compares two rows of one dataset, got {claim!r}"
            continue
        try:
            found = verdicts.verdict(match[1], match[3])
        except (KeyError, ValueError) as error:
            yield f"{error.args[0]} in the claim {claim!r}"
            continue
        if found.verdict != match[2]:
            yield f"the rows do not carry {claim!r}: {found}"


def main() -> None:
    """Tell the problems of all pages."""
    found = [f"{page.name}: {problem}" for page in pages.PAGES for problem in problems(page.read_text())]
    print("\n".join(found))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
