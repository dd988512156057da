"""The examples to choose from: that one click follows one, that wrong labels show, and that the keyboard suffices."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.world import build

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def world(module_page: Page) -> Page:
    """A page with a store of its own, an example run of two lanes, and a function that opens a view on it."""
    return build(module_page)


def test_clicking_an_image_follows_it_and_wrong_labels_carry_a_sign(world: Page) -> None:
    world.evaluate("async () => { await world.open('picker', 'picker'); }")
    images = world.get_by_role("option")
    expect(images).to_have_count(14)
    expect(images.nth(2)).to_have_attribute("aria-selected", "true")
    wrong = world.get_by_role("option", name="Example 4: labelled b, wrong, it is a c")
    sign = wrong.locator(".picker-label").evaluate("(label) => getComputedStyle(label, '::before').content")
    assert "✕" in sign
    wrong.click()
    expect(wrong).to_have_attribute("aria-selected", "true")
    expect(world.locator("#picker-sentence")).to_contain_text(
        "Selected: training example 4, a c wrongly labelled b. 4 of the 40"
    )
    assert world.evaluate("() => world.log") == [["follow", 4]]


def test_the_picker_works_with_the_keyboard_across_its_pages(world: Page) -> None:
    world.evaluate("async () => { await world.open('picker', 'picker'); }")
    world.get_by_role("option").nth(2).focus()
    for _ in range(12):
        world.keyboard.press("ArrowRight")
    expect(world.get_by_role("option", name="Example 14: labelled c, wrong, it is an a")).to_be_focused()
    world.keyboard.press("Enter")
    world.keyboard.press("End")
    expect(world.get_by_role("option", name="Example 39: a")).to_be_focused()
    world.keyboard.press("Home")
    expect(world.get_by_role("option", name="Example 0: a")).to_be_focused()
    assert world.evaluate("() => world.log") == [["follow", 14]]


def test_where_the_keyboard_went_meanwhile_it_stays_when_the_choice_is_confirmed(world: Page) -> None:
    world.evaluate(
        """async () => {
          const { update } = world.store;
          world.store.update = (topic, change) => { world.confirm = () => update.call(world.store, topic, change); };
          await world.open("picker", "picker");
        }"""
    )
    chosen = world.get_by_role("option").nth(5)
    chosen.focus()
    world.keyboard.press("Enter")
    world.keyboard.press("End")
    last = world.get_by_role("option", name="Example 39: a")
    expect(last).to_be_focused()
    world.evaluate("async () => { world.confirm(); await world.settle(); }")
    expect(world.locator("#picker-sentence")).to_contain_text("Selected: training example 5")
    expect(last).to_be_focused()


def test_another_example_that_is_followed_is_gone_to(world: Page) -> None:
    world.evaluate("async () => { await world.open('picker', 'picker'); }")
    world.evaluate(
        """async () => {
          const { run } = world.store.state;
          world.store.update("run", { run: { ...run, follow: { ...run.follow, example: 30 } } });
          await world.settle();
        }"""
    )
    expect(world.locator(".picker-range")).to_have_text("29–40 of 40")


def test_only_wrong_labels_can_be_shown(world: Page) -> None:
    world.evaluate("async () => { await world.open('picker', 'picker'); }")
    world.get_by_role("checkbox", name="only wrong ones").check()
    expect(world.get_by_role("option")).to_have_count(4)
    expect(world.locator(".picker-range")).to_have_text("1–4 of 4")


def test_who_only_watches_cannot_choose_another_image(world: Page) -> None:
    world.evaluate(
        "async () => { world.store.update('run', { role: 'viewer' }); await world.open('picker', 'picker'); }"
    )
    world.get_by_role("option").nth(5).click(force=True)  # Playwright would wait until it is enabled
    expect(world.locator("#picker-sentence")).to_contain_text("Only the owner of the run can choose another.")
    expect(world.get_by_role("listbox")).to_have_attribute("aria-disabled", "true")
    assert world.evaluate("() => world.log") == []
