"""Whether README.md and docs/*.md say only what the rows carry.

    python benchmarks/claims.py      # tells every sentence and table that stands on nothing, and exits with 1

A sentence with a word of comparison (:data:`WORDS`) must be followed by a comment that names rows and verdicts,

    <!-- claim: results: cora / 35 / auto / gcn above results: cora / 0 / class_mean / gcn -->

one on each line. They are computed again (:mod:`verdicts`), and the word must be one that such a verdict allows.
Numbers stand in tables only where these are generated (:mod:`pages`); a published number in a sentence must be in
published.jsonl.
"""

import re
import sys
from collections.abc import Iterator

import pages
import published
import verdicts

WORDS = {
    "above": {"above"}, "beats": {"above"}, "beat": {"above"}, "better": {"above"}, "ahead": {"above"},
    "more than": {"above"}, "level": {"level"}, "at least as": {"above", "level"}, "below": {"below"},
    "behind": {"below"},
}  # fmt: skip
"""Words of comparison, each with the verdicts of which one at least has to stand behind it."""

GENERATED = re.compile(r"<!-- generated: .*?<!-- /generated -->", re.DOTALL)
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"``.*?``|`[^`]*`")
CLAIM = re.compile(r"<!-- claim:(.*?)-->", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
ONE_CLAIM = re.compile(r"^(\w+: .+?) (above|level|below) (\w+: .+)$")
WORD = re.compile(rf"\b({'|'.join(WORDS)})\b", re.IGNORECASE)
TABLE = re.compile(r"^\|.*\|$", re.MULTILINE)
CITATION = re.compile(r"\b(?:19|20)\d\d\b")
PRINTED = re.compile(r"published:? (\d+(?:\.\d+)?)")
BREAK = re.compile(r"(?<=[.!?])\s+(?=[^<\s])|\n\s*\n|\n(?=\s*[-*#|\d])")


def problems(text: str) -> Iterator[str]:
    """Yield what is wrong with a page, one sentence each."""
    text = FENCE.sub("", GENERATED.sub("", text))
    for row in TABLE.findall(text):
        if re.search(r"\d", CITATION.sub("", CODE.sub("", _unlinked(row)))):
            yield f"a number in a table that is not generated: {row}"
    known = {f"{one.value:g}" for one in published.load()}
    for sentence in _sentences(TABLE.sub("", text)):
        words = {word.lower() for word in WORD.findall(_bare(sentence))}
        found = [claim for block in CLAIM.findall(sentence) for claim in block.strip().splitlines()]
        yield from _false(found)
        told = {match[2] for claim in found if (match := ONE_CLAIM.match(claim.strip()))}
        for word in words:
            if not WORDS[word] & told:
                yield f"{word!r} without a claim that carries it: {_bare(sentence)}"
        for value in PRINTED.findall(_bare(sentence)):
            if f"{float(value):g}" not in known:
                yield f"published.jsonl has no {value}: {_bare(sentence)}"


def _sentences(text: str) -> Iterator[str]:
    """Yield sentences with the comments behind them."""
    hidden: list[str] = []

    def hide(found: re.Match[str]) -> str:
        hidden.append(found[0])
        return f"<{len(hidden) - 1}>"

    for part in BREAK.split(COMMENT.sub(hide, CODE.sub("`code`", _unlinked(text)))):
        sentence = re.sub(r"<(\d+)>", lambda found: hidden[int(found[1])], part or "").strip()
        if sentence:
            yield sentence


def _bare(sentence: str) -> str:
    return " ".join(COMMENT.sub("", sentence).split())


def _unlinked(text: str) -> str:
    return re.sub(r"\]\([^)]*\)", "]", text)


def _false(claims: list[str]) -> Iterator[str]:
    """Yield what is wrong with the claims of a comment."""
    for claim in claims:
        match = ONE_CLAIM.match(claim.strip())
        if match is None:
            yield f"a claim is written 'FILE: KEY above FILE: KEY', got {claim.strip()!r}"
            continue
        try:
            found = verdicts.verdict(match[1], match[3])
        except KeyError as error:
            yield f"{error.args[0]} in the claim {claim.strip()!r}"
            continue
        if found.verdict != match[2]:
            yield f"the rows do not carry {claim.strip()!r}: {found}"


def main() -> None:
    """Tell the problems of all pages."""
    found = [f"{page.name}: {problem}" for page in pages.PAGES for problem in problems(page.read_text())]
    print("\n".join(found))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
