"""The report: one HTML file with tables and Plotly pictures that needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import plotly
import plotly.io
from plotly.offline import get_plotlyjs

from evidence.pairs import FALSE_ALARMS, Paired
from evidence.pictures import picture
from evidence.table import chance, difference, measured, reference, statement, summary
from evidence.verdict import POINTS, RELATIVE, STEPS
from trainer.presets import Preset

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --paper: #fbfaf8; --line: #d8d5cf; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e6e3; --soft: #a5adb6; --paper: #16181c; --line: #3a3f47; --bad: #ff8a80; }
}
body { margin: 0 auto; max-width: 68rem; padding: 2rem 1rem 6rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 2rem; line-height: 1.2; }
h2 { margin-top: 4rem; border-top: 1px solid var(--line); padding-top: 1.5rem; }
.question { font-size: 1.15rem; max-width: 46rem; } .soft, caption, .source { color: var(--soft); }
p { max-width: 46rem; } .wide { overflow-x: auto; } .picture { min-width: 46rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
caption { text-align: left; padding: 0.5rem 0; } th, td { padding: 0.3rem 0.7rem 0.3rem 0; text-align: right;
  border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 16rem; }
td:last-child, th:last-child { text-align: left; padding-left: 0.8rem; }
.outside { color: var(--bad); font-weight: 600; }
.note { display: block; color: var(--soft); font-size: 0.85rem; }
nav ol { columns: 18rem; padding-left: 1.2rem; } a { color: inherit; }
"""

SCRIPT: Final = """
const dark = matchMedia("(prefers-color-scheme: dark)");
const repaint = () => document.querySelectorAll(".plotly-graph-div").forEach((each) =>
  Plotly.relayout(each, { "font.color": dark.matches ? "#e8e6e3" : "#1b1f24" }));
dark.addEventListener("change", repaint); repaint();
"""


def html(outcome: Mapping[Preset, Sequence[Paired]] | Sequence[tuple[Preset, Sequence[Paired]]]) -> str:
    """The whole report.

    Args:
        outcome: each experiment with its rows, in order.
    """
    pairs = list(outcome.items()) if isinstance(outcome, Mapping) else list(outcome)
    rows = [verdict for _, verdicts in pairs for verdict in verdicts]
    contents = "".join(f'<li><a href="#{escape(preset.id)}">{escape(preset.title)}</a></li>' for preset, _ in pairs)
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Dropout Lab: the evidence</title><style>{STYLE}</style><script>{get_plotlyjs()}</script></head>
<body>
<h1>Dropout Lab: the evidence</h1>
<p class="question">Every experiment of the lab, held against the same in plain PyTorch, seed by seed.</p>
<p><strong>{escape(summary(rows))}</strong> {escape(statement(rows))}</p>
{_list_of_outside(pairs)}
{_rule()}
<nav aria-label="Experiments"><ol>{contents}</ol></nav>
{"".join(_section(preset, verdicts) for preset, verdicts in pairs)}
<script>{SCRIPT}</script>
</body>
</html>
"""


def _list_of_outside(pairs: Sequence[tuple[Preset, Sequence[Paired]]]) -> str:
    """What to look at first."""
    lines = [
        f'<li><a href="#{escape(preset.id)}">{escape(preset.title)}</a>: {escape(row.row.label)}, '
        f"{escape(measured(row))} against {escape(reference(row))}</li>"
        for preset, own in pairs
        for row in own
        if row.word == "outside"
    ]
    return f"<ul>{''.join(lines)}</ul>" if lines else ""


def _rule() -> str:
    """How a row is judged, in words."""
    return f"""<p class="soft">A seed fixes examples, split and wrong labels for the lab and for the reference
(<code>evidence/plain</code>, <code>torch.nn</code>); initial weights, order of the mini-batches and masks are each
side’s own. A row is outside when the mean difference of the pairs is larger than chance allows (paired t-test, Holm’s
procedure over all rows, so that all of them together raise a false alarm in at most {FALSE_ALARMS:.0%} of such tables)
and than a margin that nobody would care about: {POINTS:g} points, {STEPS:g} steps, {RELATIVE:.0%} of anything else.
In brackets stands the standard error (s.e.) of the mean difference. A claim on each seed is inside when it holds in
each.</p>"""


def _section(preset: Preset, verdicts: Sequence[Paired]) -> str:
    """One experiment: its question, its table, its picture."""
    admits = f"<p><strong>What it does not show.</strong> {escape(preset.admits)}</p>" if preset.admits else ""
    source = f'<p class="source">After {escape(preset.source)}.</p>' if preset.source else ""
    return f"""<section id="{escape(preset.id)}" aria-labelledby="{escape(preset.id)}-title">
<h2 id="{escape(preset.id)}-title">{escape(preset.title)}</h2>
<p class="question">{escape(preset.question)}</p>
{_table(preset, verdicts)}{_figure(preset, verdicts)}{admits}{source}
</section>"""


def _table(preset: Preset, verdicts: Sequence[Paired]) -> str:
    lines = "".join(
        f"<tr><td>{escape(_label(verdict))}{_note(verdict)}</td><td>{escape(reference(verdict))}</td>"
        f"<td>{escape(measured(verdict))}</td><td>{escape(difference(verdict))}</td>"
        f"<td>{verdict.pairs or ''}</td><td>{escape(chance(verdict))}</td>"
        f'<td class="{verdict.word.replace(" ", "-")}">{verdict.word}</td></tr>'
        for verdict in verdicts
    )
    head = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("", "plain", "lab", "lab − plain (s.e.)", "pairs", "p, adjusted", "verdict")
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(preset.title)}: table"><table><caption>'
        f"{escape(summary(verdicts))}</caption><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _label(verdict: Paired) -> str:
    return f"{verdict.row.label}, {verdict.row.unit}" if verdict.row.unit else verdict.row.label


def _note(verdict: Paired) -> str:
    row = verdict.row
    return f'<span class="note">{escape(row.note)}</span>' if row.note else ""


def _figure(preset: Preset, verdicts: Sequence[Paired]) -> str:
    """The picture, if there is any figure to draw."""
    if all(verdict.row.is_claim or not verdict.lab for verdict in verdicts):
        return ""
    drawn: str = plotly.io.to_html(
        picture(verdicts),
        full_html=False,
        include_plotlyjs=False,
        div_id=f"picture-{preset.id}",
        config={"displaylogo": False, "responsive": True},
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(preset.title)}: picture">'
        '<div class="picture" role="img" aria-label="Each seed of the lab and of plain PyTorch; the table has means">'
        f"{drawn}</div></div>"
    )
