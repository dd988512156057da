// One run of the list: its curves, its name, what it trains, and what can be done with it.

/** @import { ListedRun } from "../types.js" */

import { addressOf } from "../base/addresses.js";
import { h, setText } from "../base/dom.js";
import { markLane } from "../base/theme.js";
import { formatCount } from "../model/stats.js";
import { drawSmall } from "./curves.js";
import { curvesWords, expiresSoon, keptWords, ratesWords, trainedWords, whenWords } from "./words.js";

const DRAWN = 8; // networks whose curves are drawn
const NAMED = 4; // and whose rates are told

/**
 * What a card asks for.
 * @typedef {object} Asks
 * @property {(run: ListedRun) => void} rename
 * @property {(run: ListedRun) => void} pin
 * @property {(run: ListedRun) => void} remove
 * @property {(run: ListedRun, on: boolean) => void} choose
 */

/** How things stand with the server. @typedef {{ now: number, keepDays: number | null, full: boolean }} Around */

/**
 * @param {Document} document
 * @param {ListedRun} first
 * @param {Asks} asks
 */
export function createCard(document, first, asks) {
  const now = { run: first, drawn: "" };
  const id = `run-${first.id}`;
  const button = (/** @type {string} */ text, /** @type {(run: ListedRun) => void} */ act) => {
    const made = h(document, "button", { type: "button", "aria-describedby": `${id}-name` }, text);
    made.addEventListener("click", () => act(now.run));
    return made;
  };
  const link = (/** @type {string} */ text, /** @type {Record<string, string>} */ attributes) =>
    h(document, "a", { class: "button", "aria-describedby": `${id}-name`, ...attributes }, text);

  const choice = h(document, "input", { type: "checkbox", id: `${id}-compare` });
  choice.addEventListener("change", () => asks.choose(now.run, choice.checked));
  const compare = h(document, "label", { class: "run-compare", for: choice.id }, choice, " Compare");
  const figure = h(document, "div", { class: "run-curves" });
  const said = h(document, "p", { class: "visually-hidden" });
  const name = h(document, "h2", { id: `${id}-name`, class: "run-name", tabindex: "-1" });
  const about = h(document, "p", { class: "run-about" });
  const lanes = h(document, "ul", { class: "run-lanes" });
  const kept = h(document, "p", { class: "run-kept" });
  const pin = button("Pin", asks.pin);
  const open = link("Open", { class: "button primary" });
  const file = link("Download", { download: "", href: addressOf(`api/runs/${encodeURIComponent(first.id)}/file`) });
  const deeds = h(
    document,
    "div",
    { class: "run-deeds" },
    ...[open, button("Rename", asks.rename), pin, file, button("Delete", asks.remove), compare],
  );
  const words = h(document, "div", { class: "run-words" }, name, about, lanes, kept);
  const element = h(
    document,
    "li",
    { class: "panel run", "aria-labelledby": name.id, "data-run": first.id },
    ...[figure, said, words, deeds],
  );

  function draw() {
    const { curves, trains } = now.run;
    const drawn = JSON.stringify(curves);
    if (drawn === now.drawn) {
      return;
    }
    now.drawn = drawn;
    const count = Math.min(DRAWN, trains?.lanes.length ?? 0);
    figure.replaceChildren(
      curves && count > 0 ? drawSmall(document, curves, count) : h(document, "p", { class: "quiet" }, "no curves yet"),
    );
  }

  function nameLanes() {
    const all = now.run.trains?.lanes ?? [];
    const told = all.slice(0, NAMED).map((lane, index) => {
      const mark = h(document, "span", { class: "run-mark" });
      markLane(mark, index);
      return h(
        document,
        "li",
        {},
        mark,
        h(document, "span", {}, h(document, "b", {}, lane.name), ` ${ratesWords(lane)}`),
      );
    });
    const more = all.length > NAMED ? [h(document, "li", {}, `and ${formatCount(all.length - NAMED)} more`)] : [];
    lanes.replaceChildren(...told, ...more);
  }

  return {
    element,
    name,
    get run() {
      return now.run;
    },
    /**
     * @param {ListedRun} run
     * @param {Around} around
     */
    update(run, { now: time, keepDays, full }) {
      const before = JSON.stringify(now.run.trains);
      now.run = run;
      draw();
      if (before !== JSON.stringify(run.trains) || lanes.childElementCount === 0) {
        nameLanes();
      }
      setText(said, curvesWords(run));
      setText(name, run.title);
      const soon = expiresSoon(run, time, keepDays);
      const parts = [trainedWords(run), `step ${formatCount(run.step)}`, whenWords(run, time)];
      setText(about, parts.join(" · "));
      setText(kept, `${keptWords(run, time, keepDays)}${soon ? ". Pin it to keep it." : ""}`);
      kept.classList.toggle("is-soon", soon);
      element.classList.toggle("is-playing", run.state === "playing");
      setText(pin, run.pinned ? "Unpin" : "Pin");
      pin.hidden = keepDays === null;
      const place = run.experiment ? `experiments/${encodeURIComponent(run.experiment)}` : "";
      open.href = `${addressOf(place || "./")}?run=${encodeURIComponent(run.id)}#mine`;
      choice.disabled = !run.curves || (full && !choice.checked);
    },
    /** Take the choice back. */
    clear() {
      choice.checked = false;
    },
  };
}
