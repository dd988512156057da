"""Many changes on the page: found by step without a search through all, too many for a link, kept in a file."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driver import LabPage
from tests.browser.test_core_modules import ask
from trainer.settings.schema import schema

SCHEMA: Final[dict[str, Any]] = json.loads(json.dumps(schema()))


def some_changes(seed: int, count: int, last: int) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        lane = draw.choice([None, 0, 1])
        names = ["learning_rate"] if lane is None else draw.sample(["l1", "l2", "max_norm"], draw.randint(1, 2))
        knobs = {name: draw.random() for name in names}
        found.append({"step": draw.randint(1, last), **({} if lane is None else {"lane": lane}), "knobs": knobs})
    return found


def test_changes_that_came_bit_by_bit_are_those_of_a_plain_list(module_page: Page) -> None:
    for seed in range(10):
        told = some_changes(seed, 200, 30)
        asked = {"told": told, "lanes": [0, 1]}
        known, at, plain = ask(
            module_page,
            "model/changes link/url",
            """
            const all = [];
            for (let from = 0; from < given.told.length; from += 7) {
              changes.addChanges(all, given.told.slice(from, from + 7));
            }
            const merged = url.merged(given.told).sort((a, b) => a.step - b.step);
            const search = (lane, step) => Object.assign({}, ...given.told
              .filter((each) => each.lane === lane && each.step <= step)
              .map((each, index) => [each, index])
              .sort(([a, i], [b, j]) => a.step - b.step || i - j)
              .map(([each]) => each.knobs));
            const found = [], expected = [];
            for (const lane of given.lanes) {
              for (let step = 0; step <= 31; step += 1) {
                found.push(changes.changedAt(all, lane, step));
                expected.push(search(lane, step));
              }
            }
            const same = JSON.stringify(all) === JSON.stringify(merged);
            return [same, found, expected];
            """,
            asked,
        )
        assert known
        assert at == plain


def test_the_knobs_at_a_step_are_found_without_looking_at_all_changes(module_page: Page) -> None:
    looked = ask(
        module_page,
        "model/changes model/layers",
        """
        return given.map((count) => {
          let looked = 0;
          const made = Array.from({ length: count }, (_, k) => ({
            get step() { looked += 1; return 3 * k + 1; }, lane: k % 2, knobs: { l2: k },
          }));
          const all = changes.addChanges([], made);
          const first = { lanes: [{ l2: 0 }, { l2: 0 }] };
          const run = { changes: all, config: first, first_config: first };
          looked = 0;
          const lanes = [0, 1].map((lane) => layers.knobsAt(run, lane, Math.floor(1.5 * count)).l2);
          changes.addChanges(all, [{ step: 3 * count + 1, lane: 1, knobs: { l2: 0.5 } }]);
          changes.addChanges(all, [{ step: 4, lane: 1, knobs: { l1: 0.5 } }]);
          changes.everDropped(all, 1);
          return [looked, lanes.every((l2) => Math.abs(l2 - count / 2) <= 2), all.length];
        });
        """,
        [1_000, 10_000],
    )
    for (count, right, length), expected in zip(looked, (1_001, 10_001), strict=True):
        assert right
        assert length == expected
        assert count <= 30  # two bisections at most, whatever the length


def test_whether_a_network_ever_dropped_is_known(module_page: Page) -> None:
    found = ask(
        module_page,
        "model/changes",
        """
        const all = changes.addChanges([], [{ step: 1, lane: 0, knobs: { dropout: [0, 0] } }]);
        const before = changes.everDropped(all, 0);
        changes.addChanges(all, [{ step: 2, lane: 0, knobs: { dropout: [0, 0.5] } }]);
        changes.addChanges(all, [{ step: 3, lane: 0, knobs: { dropout: [0, 0] } }]);
        changes.addChanges(all, [{ step: 3, lane: 1, knobs: { spatial_dropout: [0.1] } }]);
        return [before, changes.everDropped(all, 0), changes.everDropped(all, 1), changes.everDropped(all, 2)];
        """,
    )
    assert found == [False, True, True, False]


def test_a_network_began_where_its_knob_last_took_another_value(module_page: Page) -> None:
    found = ask(
        module_page,
        "model/changes model/layers",
        """
        const times = [[5, 0, 1], [5, 1, 0], [9, 0, 1], [12, 0, 2], [20, 1, 1], [30, 1, 0]];
        const made = times.map(([step, lane, restarts]) => ({ step, lane, knobs: { restarts } }));
        const all = changes.addChanges([], made);
        const first = { lanes: [{ restarts: 0 }, { restarts: 0 }, {}] };
        const run = { changes: all, config: first, first_config: first };
        const at = (lane) => [1, 4, 5, 9, 11, 12, 19, 20, 30].map((step) => layers.beganOf(run, lane, step));
        return [at(0), at(1), at(2), [0, 1, 2].map((lane) => layers.beganOf(run, lane))];
        """,
    )
    assert found == [
        [0, 0, 4, 4, 4, 11, 11, 11, 11],
        [0, 0, 0, 0, 0, 0, 0, 19, 29],
        [0] * 9,
        [11, 29, 0],
    ]


def test_a_new_beginning_is_told_as_such(module_page: Page) -> None:
    body = """
        const lane = { name: "a", restarts: 2 };
        const config = { lanes: [lane], network: "mlp", dataset: "digits" };
        const changes_ = [[40, 3], [400, 4], [401, 5], [402, 6]]
          .map(([step, restarts]) => ({ step, lane: 0, knobs: { restarts } }));
        const run = { changes: changes_, config, first_config: config };
        const turns = changes.turnsOf(run, given, 500).map(({ first, step, words }) => [first, step, words]);
        const cause = diverged.causeWords({ ...run, diverged: [{ step: 44, after: changes_[0] }] }, given, 0);
        return [turns, cause];
        """
    turns, cause = ask(module_page, "words/changes model/diverged", body, SCHEMA)
    assert turns == [[40, 40, "began anew"], [400, 402, "began anew 3 times"]]
    assert cause == "after the change at step 40 (began anew)"


def test_a_link_holds_what_fits_and_is_not_even_written_of_what_cannot(module_page: Page) -> None:
    found = ask(
        module_page,
        "link/url",
        """
        const { defaults } = given;
        return [100, 400, 100000].map((count) => {
          let looked = 0;
          const all = Array.from({ length: count }, (_, k) => ({
            step: k + 1, lane: 1, get knobs() { looked += 1; return { l2: 0.01 }; },
          }));
          const text = url.writeWithin(given, defaults, all, undefined, url.MAX_LENGTH);
          const whole = count < 1000 ? url.write(given, defaults, all) : "";
          return [text === whole, text?.length ?? null, whole.length, looked];
        });
        """,
        SCHEMA,
    )
    few, some, lots = found
    assert few[0]
    assert few[1] <= 8000
    assert some[1] is None
    assert some[2] > 8000
    assert (lots[1], lots[3]) == (None, 0)


def test_the_page_offers_what_the_schema_says_that_a_run_takes(module_page: Page) -> None:
    found = ask(
        module_page,
        "model/commands",
        """
        const speed = commands.argumentOf(given, "speed", "steps_per_second");
        const members = commands.argumentOf(given, "ensemble", "members");
        const masks = commands.argumentOf(given, "ensemble", "masks");
        return [
          commands.taken([0.1, 0.2, 10000, 20000, null], speed),
          commands.taken([0, 1, 256, 257, null], members),
          commands.taken(["per_member", "none"], masks),
          commands.taken([1, null], commands.argumentOf(null, "speed", "steps_per_second")),
        ];
        """,
        SCHEMA,
    )
    assert found == [[0.2, 10000, None], [1, 256], ["per_member"], [1, None]]


def test_what_a_slider_passed_between_two_steps_is_one_entry_of_a_link(lab_url: str, page: Page) -> None:
    """Nothing trained with the values in between; each that a step trained with stays."""
    lab = LabPage(page, lab_url).open_still()
    slider = page.locator("#hero-hidden")
    for values in (["0.1", "0.3", "0.7"], ["0.6", "0.2"]):
        for value in values:
            slider.fill(value)
            lab.wait(f"state.run.config.lanes[1].dropout[1] === {value}")
        lab.step()
    changes = lab.state("state.run.changes")
    assert [(change["step"], change["lane"], change["knobs"]["dropout"][1]) for change in changes] == [
        (1, 1, 0.7),
        (2, 1, 0.2),
    ]
    lab.button("share").click()
    link = page.locator("#share-reproduce").input_value()
    assert [part.split("=")[1].split(";")[0] for part in link.split("&") if "change=" in part] == ["1", "2"]


@pytest.mark.timeout(300)
@pytest.mark.expected_errors("status of 400")
def test_a_run_with_too_many_changes_for_a_link_is_saved_as_a_file_and_opened_again(
    lab_url: str, page: Page, tmp_path: Path
) -> None:
    lab = LabPage(page, lab_url).open_still()
    page.click("[data-do=share]")
    expect(page.locator("#share [data-show=file]")).to_be_hidden()
    page.keyboard.press("Escape")
    changes = [{"step": 2 * k + 1, "lane": 1, "knobs": {"l2": k / 1e5}} for k in range(700)]
    run = {**lab.state("state.run"), "changes": changes}
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps({"version": "1", "run": run}))
    before = run["id"]

    page.click("[data-do=save]")
    page.set_input_files("#open-record", saved)
    lab.wait(f"state.run.id !== '{before}' && state.run.changes.length === 700")
    expect(page.locator("#save")).to_be_hidden()
    lab.wait("state.steps.last > 0")  # it plays, as a link does
    page.click("[data-do=share]")
    expect(page.locator("#share [data-show=reproduce]")).to_contain_text("more changes than a link can carry")
    with page.expect_download() as begun:
        page.click("#share [data-show=file] a")
    again = json.loads(Path(begun.value.path()).read_text())
    assert again["run"]["changes"] == changes
    assert again["run"]["first_config"] == run["first_config"]
    page.keyboard.press("Escape")

    other = tmp_path / "other.json"
    other.write_text('{"version": "1", "run": 7}')
    now = lab.state("state.run.id")
    page.click("[data-do=save]")
    page.set_input_files("#open-record", other)
    expect(page.locator("#save [data-show=saved]")).to_contain_text("other.json could not be opened: run = 7 is not")
    assert lab.state("state.run.id") == now
