"""What stands first on a report's page, the record at its end, and the page that holds all."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from graphcond.core.evaluation.controls import WHOLE
from graphcond.core.evaluation.score_lines import ScoreSheet
from graphcond.core.html import table
from graphcond.core.record import Record
from graphcond.core.reporting.accuracy import accuracy
from graphcond.core.reporting.figures import Panel, Section
from graphcond.core.reporting.page import Fact, Page
from graphcond.core.runtime.memory import bytes_in_words, shown

NESTED = 40  # characters from which a value is written on several lines


def page(
    record: Record, described: tuple[str, str], nbytes: int, whole_bytes: int, counted: Mapping[str, str],
    scores: ScoreSheet | None, sections: Sequence[Section],
) -> Page:  # fmt: skip
    """Return the page of a report.

    Args:
        record: How the data were made.
        described: The original and the data in words.
        nbytes: Bytes of the data.
        whole_bytes: Bytes of the original.
        counted: See :class:`~graphcond.core.reporting.figures.Illustration`.
        scores: What was evaluated, if anything was.
        sections: What the modality draws.
    """
    name = str(record.source.get("name", "data"))
    before, after = described
    found = [*sections] if scores is None else [accuracy(scores), *sections]
    return Page(
        title=f"{name}, condensed by {record.method}",
        subtitle=f"{before} became {after}.",
        facts=_facts(record, nbytes, whole_bytes, counted, scores),
        sections=[*found, _record(record)],
        footer=f"Made by graphcond {record.versions.get('graphcond', '')}. This file needs no network.",
    )


def _facts(
    record: Record, nbytes: int, whole_bytes: int, counted: Mapping[str, str], scores: ScoreSheet | None
) -> list[Fact]:
    facts = []
    for name, original in list(counted.items())[:1]:
        few, many = record.spent.get(name), record.source.get(original)
        if few and many:
            facts.append((name, f"{few:,}", f"of {many:,}{_times(many, few, 'fewer')}"))
    facts.append(
        ("size", bytes_in_words(nbytes), f"of {bytes_in_words(whole_bytes)}{_times(whole_bytes, nbytes, 'less')}")
    )
    if scores is not None and math.isfinite(scores.first.mean):
        facts.append(_score_fact(scores))
    facts.append(("time to condense", _seconds(record.seconds), f"on {record.device}, {record.processes} process"
                  f"{'es' if record.processes > 1 else ''}"))  # fmt: skip
    if record.peak_memory:
        facts.append(("peak memory", shown(record.peak_memory), "of the whole process"))
    return facts


def _seconds(seconds: float) -> str:
    return "under 0.01 s" if seconds < 0.01 else f"{seconds:.2f} s" if seconds < 10 else f"{seconds:,.0f} s"


def _score_fact(scores: ScoreSheet) -> Fact:
    first = scores.first
    whole = [line.mean for line in scores.under(first.model) if line.data == WHOLE and math.isfinite(line.mean)]
    beside = f"; whole original: {scores.scale.score(whole[0])}" if whole else ""
    deviation = first.deviation if first.runs > 1 else None
    return scores.title, scores.scale.score(first.mean, deviation), f"{first.model}{beside}"


def _times(many: float, few: float, word: str) -> str:
    """Return how many times less something became, or more: sparse data may become larger ones that are dense."""
    ratio = many / max(few, 1)
    ratio, word = (ratio, word) if ratio >= 1 else (1 / max(ratio, 1e-12), "more")
    if round(ratio, 1) == 1:
        return ", about as many" if word == "fewer" else ", about the same"
    return f": {ratio:,.{0 if ratio >= 10 else 1}f}\u00d7 {word}"


def _record(record: Record) -> Section:
    budget = {f"{k} {name}": v for k in ("asked", "spent") for name, v in record.budget.get(k, {}).items()}
    parts = [
        ("The run", record.run, False),
        ("Asked and spent", budget, False),
        ("Settings of the method", record.settings, True),
        ("What it chose on validation data", record.choices, True),
        ("The original", record.source, True),
        ("Versions", record.versions, True),
    ]  # fmt: skip
    panels = [
        Panel(title=title, body=_pairs(values), wide=folded, folded=folded) for title, values, folded in parts if values
    ]
    if record.notes:
        items = Markup("").join(Markup("<li>{}</li>").format(note) for note in record.notes)
        panels.insert(2, Panel(title="Notes", body=Markup('<ul class="notes">{}</ul>').format(items)))
    return Section(title="How it was made", parts=panels)


def _pairs(values: Mapping[str, Any]) -> Markup:
    return table(("", ""), [(name, _value(value)) for name, value in values.items()], text_columns=2)


def _value(value: object) -> Markup:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str) and len(text) > NESTED and isinstance(value, dict):
        text = json.dumps(value, indent=1, ensure_ascii=False)
    return Markup('<span class="value">{}</span>').format(text)
