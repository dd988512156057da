"""The report: one HTML file with tables and Plotly pictures that needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import plotly
import plotly.io
from plotly.offline import get_plotlyjs

from evidence.pictures import picture
from evidence.table import closeness, expected, measured, summary, would_do
from evidence.verdict import FALSE_ALARMS, FIGURES, POINTS, RATE, RELATIVE, STEPS, Verdict
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


def html(outcome: Mapping[Preset, Sequence[Verdict]] | Sequence[tuple[Preset, Sequence[Verdict]]], seeds: int) -> str:
    """The whole report.

    Args:
        outcome: each experiment with its rows, in order.
        seeds: over which they were measured.
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
<p class="question">Every experiment of the lab, trained here over {seeds} seed{"s" if seeds != 1 else ""} and held
against what it is expected to show.</p>
<p><strong>{escape(summary(rows))}</strong> {escape(closeness(rows))}</p>
{_list_of_outside(pairs)}
{_rule()}
<nav aria-label="Experiments"><ol>{contents}</ol></nav>
{"".join(_section(preset, verdicts) for preset, verdicts in pairs)}
<script>{SCRIPT}</script>
</body>
</html>
"""


def _list_of_outside(pairs: Sequence[tuple[Preset, Sequence[Verdict]]]) -> str:
    """What to look at first."""
    lines = [
        f'<li><a href="#{escape(preset.id)}">{escape(preset.title)}</a>: {escape(verdict.row.label)}, '
        f"{escape(measured(verdict))} against {escape(expected(verdict.row))} ({verdict.word})</li>"
        for preset, verdicts in pairs
        for verdict in verdicts
        if verdict.word in ("outside", "not reproduced")
    ]
    return f"<ul>{''.join(lines)}</ul>" if lines else ""


def _rule() -> str:
    """How a row is judged, in words."""
    return f"""<p class="soft">Expected figures are means and standard deviations over five or ten seeds, measured with
plain PyTorch (<code>torch.nn</code>) unless marked as this project’s own. A figure is inside when the two means differ
by no more than chance allows (Student’s t with the pooled deviation, at {RATE:.1e} a row, so that all {FIGURES} figures
of all experiments together raise a false alarm in at most {FALSE_ALARMS:.0%} of such tables) plus a margin that nobody
would care about: {POINTS:g} points, {STEPS:g} steps, {RELATIVE:.0%} of anything else. The column “inside would be”
shows how little or how much so few seeds can tell. A claim is inside when it holds. All experiments of one seed share
their split and their wrong labels, so that rows lean to the same side together.</p>"""


def _section(preset: Preset, verdicts: Sequence[Verdict]) -> str:
    """One experiment: its question, its table, its picture."""
    admits = f"<p><strong>What it does not show.</strong> {escape(preset.admits)}</p>" if preset.admits else ""
    source = f'<p class="source">After {escape(preset.source)}.</p>' if preset.source else ""
    return f"""<section id="{escape(preset.id)}" aria-labelledby="{escape(preset.id)}-title">
<h2 id="{escape(preset.id)}-title">{escape(preset.title)}</h2>
<p class="question">{escape(preset.question)}</p>
{_table(preset, verdicts)}{_figure(preset, verdicts)}{admits}{source}
</section>"""


def _table(preset: Preset, verdicts: Sequence[Verdict]) -> str:
    lines = "".join(
        f"<tr><td>{escape(_label(verdict))}{_note(verdict)}</td><td>{escape(expected(verdict.row))}</td>"
        f"<td>{escape(measured(verdict))}</td><td>{escape(would_do(verdict))}</td>"
        f'<td class="{verdict.word.replace(" ", "-")}">{verdict.word}</td></tr>'
        for verdict in verdicts
    )
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("", "expected", "measured", "inside would be", "verdict")
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(preset.title)}: table"><table><caption>'
        f"{escape(summary(verdicts))}</caption><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _label(verdict: Verdict) -> str:
    return f"{verdict.row.label}, {verdict.row.unit}" if verdict.row.unit else verdict.row.label


def _note(verdict: Verdict) -> str:
    row = verdict.row
    own = "" if row.is_claim or row.origin == "plain PyTorch" else "the expected figure is this project’s own"
    notes = [note for note in (own, row.note, row.not_reproduced) if note]
    return f'<span class="note">{escape("; ".join(notes))}</span>' if notes else ""


def _figure(preset: Preset, verdicts: Sequence[Verdict]) -> str:
    """The picture, if there is any figure to draw."""
    if all(verdict.row.is_claim or not verdict.values for verdict in verdicts):
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
        '<div class="picture" role="img" aria-label="Measured against expected: the numbers are in the table">'
        f"{drawn}</div></div>"
    )
