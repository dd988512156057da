"""What comes back from the server's REST interface, and what only says that it does: a proxy's pages."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pretend import Pretend

PAGE: Final = "<html><head><title>413 Request Entity Too Large</title></head><body>nginx</body></html>"
ASK: Final = """async ([status, type, body]) => {
  const { createApi } = await import("/static/js/link/api.js");
  const api = createApi(async () => new Response(body, { status, headers: { "Content-Type": type } }));
  const calls = [() => api.upload(new Blob(["x"]), "t.csv"), () => api.schema(), () => api.open({}),
                 () => api.run("r"), () => api.table("t"), () => api.code("r", 0, "pytorch")];
  const told = (call) => call().then(() => ["value", ""], ({ code, message }) => [code, message]);
  return Promise.all(calls.map(told));
}"""


def answers(page: Page, status: int, kind: str, body: str) -> list[list[str]]:
    """What each call of the page makes of an answer: a code and a message."""
    found: list[list[str]] = page.evaluate(ASK, [status, kind, body])
    return found


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (413, "it takes less at once than was sent"),
        (502, "it does not reach the lab"),
        (503, "it does not reach the lab"),
        (504, "did not answer it in time"),
        (407, "sign in"),
        (418, "such as a proxy, answered with status 418."),
    ],
)
@pytest.mark.parametrize("body", [PAGE, "", "null", '"no"', '{"message": "no"}', '{"error": "no"}'])
def test_an_answer_of_something_in_between_is_told_as_such_by_every_call(
    module_page: Page, status: int, words: str, body: str
) -> None:
    for code, message in answers(module_page, status, "text/html", body):
        assert code == "between"
        assert f"status {status}" in message
        assert words in message


def test_a_page_in_place_of_an_answer_is_no_answer(module_page: Page) -> None:
    for code, message in answers(module_page, 200, "text/html", PAGE):
        assert code == "between"
        assert "a network that asks to sign in does that" in message


def test_the_labs_own_refusals_are_told_in_its_words(module_page: Page) -> None:
    body = '{"error": {"code": "too_large", "message": "a body may have 5,000,000 bytes"}}'
    assert answers(module_page, 413, "application/json", body) == [["too_large", "a body may have 5,000,000 bytes"]] * 6


@pytest.mark.expected_errors("413")
def test_the_dialog_says_that_a_proxy_refused_a_table(page: Page, static_url: str) -> None:
    lab = Pretend(page, static_url).open()
    lab.page.route("**/api/tables*", lambda route: route.fulfill(status=413, content_type="text/html", body=PAGE))
    lab.page.locator("[data-choice=csv]").click()
    file: Any = {"name": "t.csv", "mimeType": "text/csv", "buffer": b"x,c\n1,a\n"}
    lab.page.locator("#upload-file").set_input_files(file)
    told = lab.page.locator("#upload").get_by_role("alert")
    expect(told).to_contain_text("Something between this page and the lab, such as a proxy, answered with status 413")
    expect(told).to_contain_text("however much the lab itself would take")


def test_while_a_proxy_does_not_reach_the_lab_the_page_waits_and_then_goes_on(module_page: Page) -> None:
    told = module_page.evaluate(
        """async () => {
          const { BetweenError } = await import("/static/js/link/api.js");
          const { createPatience } = await import("/static/js/link/patience.js");
          const told = [];
          const store = { update: (_topic, { connection }) => told.push(connection.message) };
          // Nobody waits for real: what is said of a long silence would come after five seconds.
          const window = { setTimeout: (wake, ms) => ms < 5000 && wake(), clearTimeout: () => {} };
          const patiently = createPatience({ window, store });
          const refused = [502, 503];
          const asked = async (statuses) => {
            if (statuses.length > 0) throw new BetweenError(statuses.pop());
            return "there";
          };
          told.push(await patiently("for its knobs", () => asked(refused)));
          await patiently("for its knobs", () => asked([413])).catch((error) => told.push(error.status));
          return told;
        }"""
    )
    assert [str(each)[-55:] for each in told[:2]] == [
        "it does not reach the lab right now; try again in a moment."[-55:]
    ] * 2
    assert told[2:] == ["there", 413]
