"""Recall by class: what is drawn of each network, and what is said of the commonest and the rarest class."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage import NAN, call, feed, lane, play, table, traces

COUNTS = [60, 2, *[10] * 8]  # of 142 examples


def counted(*recall: list[Any]) -> dict[str, Any]:
    """A frame of as many lanes as are given."""
    flat = [share for lane_recall in recall for share in lane_recall]
    shape = [len(recall), 10]
    return {"step": [[1], [50]], "count": [[10], COUNTS], "recall": [shape, flat], "precision": [shape, flat]}


def test_a_bar_stands_for_what_each_network_recognises_of_each_class(module_page: Page) -> None:
    stage = play(module_page, "recall", [lane("No dropout"), lane("Dropout", 0.2, 0.5)])
    expect(stage.locator("#recall .chart-note")).to_have_text("Waiting for the first count …")
    feed(stage, "recall", counted([1, 0, *[0.5] * 8], [0.9, 0.5, *[0.8] * 8]))
    drawn = traces(stage, "recall", 2)
    assert [trace["name"] for trace in drawn] == ["No dropout", "Dropout"]
    assert drawn[1]["y"] == pytest.approx([90, 50, *[80] * 8])
    expect(stage.locator("#recall-sentence")).to_have_text(
        "Step 50. Always answering “0” would get 42.3% of the validation examples right. "
        "The rarest class, “1”, has 2 validation examples: “Dropout” recognises 1 of them, “No dropout” 0. "
        "That is too few examples to compare networks by."
    )
    found = table(stage)
    assert found["columns"] == [
        *("class", "validation examples", "No dropout: recall", "No dropout: precision"),
        *("Dropout: recall", "Dropout: precision"),
    ]
    assert found["rows"][1] == ["1", 2, 0, 0, 0.5, 0.5]


def test_a_count_of_other_networks_is_not_drawn(module_page: Page) -> None:
    stage = play(module_page, "recall", [lane("One"), lane("Two")])
    feed(stage, "recall", counted([1] * 10))
    expect(stage.locator("#recall .chart-note")).to_have_text("Waiting for the first count …")


def test_a_chart_out_of_sight_no_longer_says_that_it_waits_once_its_figures_are_there(module_page: Page) -> None:
    stage = play(module_page, "recall", [lane("No dropout"), lane("Dropout", 0.2, 0.5)])
    stage.evaluate("() => { document.querySelector('section').style.marginTop = '5000px'; }")
    stage.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))")
    feed(stage, "recall", counted([1, 0, *[0.5] * 8], [0.9, 0.5, *[0.8] * 8]))
    expect(stage.locator("#recall-sentence")).to_contain_text("Step 50.")
    expect(stage.locator("#recall .chart-note")).to_have_text("This chart is drawn when it comes into view.")
    stage.locator("#recall").scroll_into_view_if_needed()
    assert len(traces(stage, "recall", 2)) == 2
    expect(stage.locator("#recall .chart-note")).to_be_hidden()


def said(page: Page, count: list[int], *recall: list[Any]) -> str:
    lanes = [{"name": f"N{number}", "recall": each} for number, each in enumerate(recall)]
    reading = {"step": 9, "classes": ["a", "b", "c"][: len(count)], "count": count, "lanes": lanes}
    return str(call(page, "words/recall", "recallSentence", reading))


def test_what_is_said_of_the_rarest_class(module_page: Page) -> None:
    assert call(module_page, "words/recall", "recallSentence", None) == "The classes have not been counted yet."
    assert said(module_page, [50, 50], [1, 1]) == (
        "Step 9. Always answering “a” would get 50.0% of the validation examples right."
    )
    assert said(module_page, [60, 40], [1, 0.5]).endswith(
        "The rarest class, “b”, has 40 validation examples: “N0” recognises 20 of them."
    )
    assert "“b”, has 1 validation example: “N0” recognises 1 of them." in said(module_page, [99, 1, 0], [1, 1, NAN])
    many = said(module_page, [60, 40], *([1, share / 10] for share in range(6)))
    assert many.endswith("has 40 validation examples: at best, “N5” recognises 20 of them.")
    gone = said(module_page, [60, 40], [NAN, NAN])
    assert gone.endswith("“N0” diverged.")
