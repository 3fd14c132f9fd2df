"""The section on scores: beside every control, across models, and what the differences are worth."""

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from graphcond.core.evaluation.comparison import Comparison, Verdict
from graphcond.core.evaluation.controls import WHOLE
from graphcond.core.evaluation.scale import ScoreScale
from graphcond.core.evaluation.score_lines import ScoreLine, ScoreSheet
from graphcond.core.html import table
from graphcond.core.reporting.charts import Rows, altair, specification
from graphcond.core.reporting.colours import ACCENT, INK, MUTED, ORIGINAL
from graphcond.core.reporting.figures import Figure, Legend, Panel, Section

ROW = 30  # pixels of a training set
VERDICTS: dict[Verdict, tuple[str, str]] = {
    "above": ("better", "var(--good)"), "level": ("not distinguished", MUTED), "below": ("worse", "var(--bad)"),
    "unknown": ("no verdict", MUTED),
}  # fmt: skip


def accuracy(scores: ScoreSheet) -> Section:
    """Return the section on scores of a report."""
    parts: list[Figure | Panel] = [_beside_controls(scores, scores.first.model)]
    parts += [figure for figure in [_forest(scores, scores.first.model)] if figure is not None]
    if len(scores.models) > 1 and any(math.isfinite(line.mean) for line in scores.lines):
        parts.append(_across_models(scores))
    parts += [_verdicts(scores)] if scores.sentences else []
    parts.append(_table(scores))
    text = f"Models are trained on the condensed data and tested on the original's test part ({scores.how})."
    return Section(title="Accuracy", parts=parts, text=text)


def role(line: ScoreLine, scores: ScoreSheet) -> str:
    """Return what a training set is in a chart: the evaluated one, the original, or a control."""
    return "condensed" if line.data == scores.first.data else WHOLE if line.data == WHOLE else "control"


ROLES = {"condensed": ACCENT, WHOLE: INK, "control": ORIGINAL}


def _role_legend(scores: ScoreSheet) -> Legend:
    names = {"condensed": scores.first.data, WHOLE: "whole original", "control": "controls"}
    there = {role(line, scores) for line in scores.lines if math.isfinite(line.mean)}
    return tuple((names[one], colour, "dot") for one, colour in ROLES.items() if one in there)


def _row(line: ScoreLine, scores: ScoreSheet, *, own: bool) -> dict[str, Any]:
    factor = 100 if scores.scale.percent else 1
    mean, deviation = (line.own_mean, line.own_deviation) if own else (line.mean, line.deviation)
    spread = 0.0 if math.isnan(deviation) else deviation
    return {
        "data": line.data, "model": line.model, "role": role(line, scores), "score": factor * mean,
        "low": factor * (mean - spread), "high": factor * (mean + spread),
        "text": scores.scale.score(mean, None if line.runs < 2 or math.isnan(deviation) else deviation),
        "column": f"with {scores.own}" if own else "plain", "count": f"{line.count:,} {scores.unit}",
        "runs": line.runs,
    }  # fmt: skip


def _rows(lines: Sequence[ScoreLine], scores: ScoreSheet, *, own: bool = False) -> Rows:
    means = ((line, line.own_mean if own else line.mean) for line in lines)
    return [_row(line, scores, own=own) for line, mean in means if math.isfinite(mean)]


def _tooltips(alt: Any) -> list[Any]:  # noqa: ANN401 (Altair is optional)
    told = {"data": "trained on", "text": "score", "count": "size", "runs": "trainings"}
    told |= dict.fromkeys(("model", "column"), "")
    return [alt.Tooltip(field=name, type="nominal", title=title or name) for name, title in told.items()]


def _best_first(lines: Sequence[ScoreLine], scores: ScoreSheet) -> list[ScoreLine]:
    """Return the rows that have a score, the best one first."""
    sign = 1 if scores.scale.less_is_better else -1
    return sorted((line for line in lines if math.isfinite(line.mean)), key=lambda line: sign * line.mean)


def _scale(rows: Rows, alt: Any, scores: ScoreSheet) -> Any:  # noqa: ANN401
    low, high = min(row["low"] for row in rows), max(row["high"] for row in rows)
    width = max(high - low, 1.0 if scores.scale.percent else 0.01 * max(abs(high), 1e-9))  # of equal ones, some
    return alt.Scale(domain=[low - 0.06 * width, high + 0.06 * width], nice=False, zero=False)


def _axis(scores: ScoreSheet, alt: Any) -> Any:  # noqa: ANN401
    """Return an axis of scores; there is room right of 100 %, but nothing to be told of it."""
    told = "datum.value <= 100 ? datum.label : ''" if scores.scale.percent else "datum.label"
    return alt.Axis(tickCount=6, labelExpr=told)


def _beside_controls(scores: ScoreSheet, model: str) -> Figure | Panel:
    alt = altair()
    lines = scores.under(model)
    plain, own = _rows(lines, scores), _rows(lines, scores, own=True)
    if not plain:
        words = Markup("").join(Markup("<li>{}: {}</li>").format(line.data, line.note or "no score") for line in lines)
        body = Markup('<ul class="notes">{}</ul>').format(words)
        return Panel(title=f"There is no score of {model}", body=body, wide=False)
    order = [line.data for line in _best_first(lines, scores)]
    x = alt.X(
        field="score", type="quantitative", title=scores.title, axis=_axis(scores, alt),
        scale=_scale(plain + own, alt, scores),
    )  # fmt: skip
    y = alt.Y(field="data", type="nominal", sort=order, title=None, axis=alt.Axis(domain=False, ticks=False, grid=True))
    color = alt.Color(
        field="role", type="nominal", scale=alt.Scale(domain=list(ROLES), range=list(ROLES.values())), legend=None
    )
    base = alt.Chart(alt.NamedData("plain"))
    layers = [
        base.mark_rule(strokeWidth=2).encode(
            x=alt.X(field="low", type="quantitative", title=scores.title), x2=alt.X2(field="high"), y=y, color=color
        ),
        base.mark_circle(size=90, opacity=1).encode(x=x, y=y, color=color, tooltip=_tooltips(alt)),
        # Beside the plot, where they cover nothing: Vega makes the plot narrower by them.
        base.mark_text(align="left", dx=8).encode(
            x=alt.value("width"), y=y, text=alt.Text(field="text", type="nominal")
        ),
    ]
    legend = _role_legend(scores)
    if own:
        layers.append(
            alt.Chart(alt.NamedData("own"))
            .mark_point(size=80, filled=False, strokeWidth=2, shape="diamond", opacity=1)
            .encode(x=x, y=y, color=color, tooltip=_tooltips(alt))
        )
        legend = (*legend, (f"with {scores.own}", INK, "diamond"))
    chart = specification(alt.layer(*layers), {"plain": plain, "own": own}, max(100, ROW * len(plain)) + 10)
    runs = max(line.runs for line in lines)
    notes = "".join(f" {line.data}: {line.note}." for line in lines if line.note)
    several = f"Means of {runs} trainings; bars are one standard deviation to either side."
    caption = (several if runs > 1 else "One training each.") + notes
    return Figure(title=f"{model}, beside every control", chart=chart, legend=legend, caption=caption)


def _across_models(scores: ScoreSheet) -> Figure:
    alt = altair()
    rows = _rows(scores.lines, scores)
    places = {"control": 0, WHOLE: 1, "condensed": 2}  # what matters most is drawn last, and larger
    rows = sorted((row | {"area": (60, 110, 150)[places[row["role"]]]} for row in rows), key=lambda row: row["area"])
    models = scores.models
    y = alt.Y(
        field="model", type="nominal", sort=models, title=None, axis=alt.Axis(domain=False, ticks=False, grid=True)
    )
    x = alt.X(
        field="score", type="quantitative", title=scores.title, axis=_axis(scores, alt),
        scale=_scale(rows, alt, scores),
    )  # fmt: skip
    color = alt.Color(
        field="role", type="nominal", scale=alt.Scale(domain=list(ROLES), range=list(ROLES.values())), legend=None
    )
    area = alt.Size(field="area", type="quantitative", scale=None, legend=None)
    base = alt.Chart(alt.NamedData("rows"))
    dots = base.mark_circle(opacity=0.9).encode(x=x, y=y, color=color, size=area, tooltip=_tooltips(alt))
    bars = (
        base.transform_filter("datum.role == 'condensed'")
        .mark_rule(strokeWidth=2)
        .encode(
            x=alt.X(field="low", type="quantitative", title=scores.title), x2=alt.X2(field="high"), y=y, color=color
        )
    )
    chart = specification(alt.layer(bars, dots), {"rows": rows}, max(110, 36 * len(models)))
    several = " Bars are one standard deviation." if any(line.runs > 1 for line in scores.lines) else ""
    caption = f"Each dot is a training set under a model; hover for its name.{several}"
    return Figure(title="Across models", chart=chart, legend=_role_legend(scores), caption=caption)


def _forest(scores: ScoreSheet, model: str) -> Figure | None:
    """Return the differences to the controls with their intervals, or nothing where there are none."""
    told = [one for one in scores.comparisons.get(model, ()) if math.isfinite(one.low)]
    if not told:
        return None
    alt = altair()
    order = [line.data for line in _best_first(scores.under(model), scores)]
    rows = [_difference(one, scores.scale) for one in sorted(told, key=lambda one: order.index(one.second))]
    x = alt.X(field="difference", type="quantitative", title=_difference_title(scores), axis=alt.Axis(tickCount=6))
    y = alt.Y(
        field="second", type="nominal", sort=None, title=None, axis=alt.Axis(domain=False, ticks=False, grid=True)
    )
    color = alt.Color(
        field="verdict", type="nominal", legend=None,
        scale=alt.Scale(domain=[word for word, _ in VERDICTS.values()], range=[one for _, one in VERDICTS.values()]),
    )  # fmt: skip
    tooltip = [
        alt.Tooltip(field="second", type="nominal", title="against"),
        alt.Tooltip(field="verdict", type="nominal"),
        alt.Tooltip(field="text", type="nominal", title="difference"),
        alt.Tooltip(field="how", type="nominal", title="takes into account"),
    ]
    base = alt.Chart(alt.NamedData("rows"))
    layers = [
        alt.Chart(alt.NamedData("zero")).mark_rule(stroke=INK, strokeDash=[3, 3]).encode(
            x=alt.X(field="zero", type="quantitative")
        ),
        base.mark_rule(strokeWidth=2).encode(
            x=alt.X(field="low", type="quantitative", title=_difference_title(scores)), x2=alt.X2(field="high"), y=y,
            color=color, tooltip=tooltip,
        ),
        base.mark_circle(size=90, opacity=1).encode(x=x, y=y, color=color, tooltip=tooltip),
    ]  # fmt: skip
    chart = specification(alt.layer(*layers), {"rows": rows, "zero": [{"zero": 0}]}, max(100, ROW * len(rows)) + 10)
    there = {row["verdict"] for row in rows}
    legend: Legend = tuple(dict.fromkeys((word, colour, "dot") for word, colour in VERDICTS.values() if word in there))
    by_how: dict[str, list[str]] = {}
    for row in rows:
        by_how.setdefault(row["how"], []).append(row["second"])
    alone = len(by_how) == 1
    ways = "; ".join(how if alone else f"{how} ({', '.join(names)})" for how, names in by_how.items())
    caption = f"Intervals of 95 %; they take into account: {ways}."
    return Figure(title=f"{model}, difference to each control", chart=chart, legend=legend, caption=caption)


def _difference(one: Comparison, scale: ScoreScale) -> dict[str, Any]:
    factor = 100 if scale.percent else 1
    return {
        "second": one.second, "difference": factor * one.difference, "low": factor * one.low, "high": factor * one.high,
        "text": scale.difference(one.difference, one.low, one.high), "verdict": VERDICTS[one.verdict][0],
        "how": one.how,
    }  # fmt: skip


def _difference_title(scores: ScoreSheet) -> str:
    unit = "points" if scores.scale.percent else "units of the metric"
    return f"{scores.first.data} minus control, {unit}" + (" (less is better)" if scores.scale.less_is_better else "")


def _verdicts(scores: ScoreSheet) -> Panel:
    words = Markup("").join(Markup("<li>{}</li>").format(sentence) for sentence in scores.sentences)
    return Panel(title="Verdicts", body=Markup('<ul class="verdicts">{}</ul>').format(words), wide=False)


def _table(scores: ScoreSheet) -> Panel:
    caption = f"{scores.title[0].upper()}{scores.title[1:]}. Plain: hard labels, no weights. Own: with {scores.own}."
    body = table(scores.header, scores.cells(), text_columns=2)
    return Panel(title="All scores", body=body, folded=True, caption=caption)
