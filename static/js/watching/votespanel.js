// The panel of sub-networks: what they say of the validation examples, alone and together, and the button that asks them.

/** @import { Known } from "./known.js" */
/** @import { Say } from "./sitecard.js" */

import { find, h, setText } from "../base/dom.js";
import { keepSteady } from "../base/steady.js";
import { createFigure } from "../rooms/charts/figure.js";
import { apartChart } from "./charts/histogram.js";
import { votesChart } from "./charts/votes.js";
import { deviationWords, doubtWords, readVotes, voteWords } from "./votereading.js";
import { counted } from "./words.js";

const PASSES = 64;

/**
 * @param {HTMLElement} panel
 * @param {{ say: Say, onTrouble: (text: string) => void }} options
 */
export function createVotesPanel(panel, { say, onTrouble }) {
  const document = panel.ownerDocument;
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const place = find(panel, ".votes-place");
  const button = /** @type {HTMLButtonElement} */ (find(panel, "[data-do=vote]"));
  const plots = ["votes", "entropy", "information"].map((name) =>
    h(document, "div", { class: "plot", "data-plot": name }),
  );
  const empty = h(document, "p", { class: "plot-empty" });
  const [voted, doubt] = [h(document, "p", { class: "sentence" }), h(document, "p", { class: "sentence" })];
  const problem = h(document, "p", { class: "trouble", role: "status" });
  const pair = h(
    document,
    "div",
    { class: "plot-pair", hidden: true },
    ...plots.slice(1).map((plot) => h(document, "div", { class: "plot-box" }, plot)),
  );
  const key = h(
    document,
    "ul",
    { class: "key" },
    h(document, "li", { class: "is-member" }, "each alone"),
    h(document, "li", { class: "is-average" }, "average of the first ones"),
    h(document, "li", { class: "is-scaling" }, "weight scaling"),
  );
  const groups = h(
    document,
    "ul",
    { class: "key", hidden: true },
    h(document, "li", { class: "is-right" }, "where the average is right"),
    h(document, "li", { class: "is-wrong" }, "where it is wrong"),
  );
  place.append(
    h(document, "div", { class: "plot-box is-votes" }, plots[0], empty),
    key,
    voted,
    pair,
    groups,
    doubt,
    problem,
  );
  keepSteady([voted, doubt], window.ResizeObserver);
  const now = {
    reading: /** @type {ReturnType<typeof readVotes> | null} */ (null),
    of: /** @type {*} */ (null),
    isAsking: false,
  };

  const figures = plots.map((plot) =>
    createFigure(plot, (size) => {
      const { reading } = now;
      if (!reading) {
        return null;
      }
      if (plot.dataset.plot === "votes") {
        const name = reading.isClasses ? "accuracy, %" : "error";
        return votesChart({ ...reading, name, words: voteWords(reading) }, size);
      }
      const name = plot.dataset.plot === "entropy" ? "entropy, nats" : "mutual information, nats";
      const { right, wrong } = plot.dataset.plot === "entropy" ? reading.entropy : reading.information;
      return apartChart(
        { right, wrong, name, words: `Shares of the examples by ${name}. ${doubtWords(reading)}` },
        size,
      );
    }),
  );

  button.addEventListener("click", async () => {
    now.isAsking = true;
    button.disabled = true;
    try {
      await say("vote", { passes: PASSES });
    } catch (error) {
      onTrouble(`The sub-networks were not asked: ${/** @type {Error} */ (error).message}`);
    } finally {
      now.isAsking = false;
      button.disabled = false;
    }
  });

  return {
    /**
     * @param {Known} known
     * @param {boolean} canAsk Whether this page has the token, and the model is there to be asked.
     */
    update({ watch, votes }, canAsk) {
      const val = watch.model?.val ?? 0;
      const isVoting = watch.state?.voting === true;
      if (votes !== now.of) {
        now.of = votes;
        now.reading = votes && readVotes(votes);
        for (const figure of figures) {
          figure.paint();
        }
      }
      const { reading } = now;
      button.hidden = !canAsk || val === 0;
      button.disabled = isVoting || now.isAsking;
      setText(button, isVoting ? "They are being asked …" : `Ask ${PASSES} sub-networks`);
      empty.hidden = reading !== null;
      setText(empty, emptyWords(watch.model !== null, val, canAsk));
      setText(voted, reading ? voteWords(reading) : "");
      const hasDoubt = reading !== null && reading.entropy.right.length + reading.entropy.wrong.length > 0;
      pair.hidden = !hasDoubt;
      groups.hidden = !hasDoubt;
      setText(doubt, reading ? (reading.isClasses ? doubtWords(reading) : deviationWords(reading.deviation)) : "");
      setText(problem, watch.state?.vote_problem ?? "");
    },
  };
}

/**
 * @param {boolean} isKnown
 * @param {number} val
 * @param {boolean} canAsk
 */
export function emptyWords(isKnown, val, canAsk) {
  if (!isKnown) {
    return "What sub-networks of the model say will be here.";
  }
  if (val === 0) {
    return "There are no validation examples to vote on. Pass val=(x, y) to watch(…), and sub-networks vote here.";
  }
  return canAsk
    ? `${counted(val, "validation example")} can be voted on: ask, and each sub-network’s answer is drawn here.`
    : `${counted(val, "validation example")} can be voted on. Nobody has asked yet.`;
}
