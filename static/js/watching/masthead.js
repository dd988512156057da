// The head of the page: what is watched, how it stands, its step, what sampling does, and the buttons of who may press them.

/** @import { WatchLinkState } from "../types.js" */
/** @import { Known } from "./known.js" */
/** @import { Say } from "./sitecard.js" */

import { find, setText } from "../base/dom.js";
import { keepSteady } from "../base/steady.js";
import { formatCount, formatOne } from "../model/stats.js";
import { joined } from "../words/common.js";
import { NONE, samplingWords, standingMore, standingOf, standingWords } from "./words.js";

/**
 * @param {HTMLElement} element
 * @param {{ say: Say, onTrouble: (text: string) => void }} options
 */
export function createMasthead(element, { say, onTrouble }) {
  const document = element.ownerDocument;
  const show = (/** @type {string} */ name) => find(element, `[data-show=${name}]`);
  const buttons = find(element, ".head-buttons");
  const button = (/** @type {string} */ name) => /** @type {HTMLButtonElement} */ (find(element, `[data-do=${name}]`));

  keepSteady([show("sampling")], /** @type {Window & typeof globalThis} */ (document.defaultView).ResizeObserver);
  for (const op of ["pause", "step", "play"]) {
    button(op).addEventListener("click", async () => {
      try {
        await say(op, op === "step" ? { count: 1 } : {});
      } catch (error) {
        onTrouble(`That was not done: ${/** @type {Error} */ (error).message}`);
      }
    });
  }

  return {
    /**
     * @param {Known} known
     * @param {WatchLinkState} link
     */
    update({ watch, may, isGreeted }, link) {
      const standing = standingOf(watch, link, isGreeted);
      const { state } = watch;
      element.dataset.standing = standing;
      const name = watch.name || watch.model?.name || "Watched model";
      setText(show("name"), name);
      document.title = `${name}: ${standingWords(standing)} · Dropout Lab`;
      setText(show("standing"), standingWords(standing));
      setText(show("step"), state ? formatCount(state.step) : NONE);
      setText(show("speed"), standing === "training" ? speedWords(state?.steps_per_second) : NONE);
      const more = standingMore(standing, link.message, watch.model !== null);
      setText(show("sampling"), joined([more, samplingWords(state, standing)]));
      buttons.hidden = !may;
      button("pause").disabled = standing !== "training";
      button("play").disabled = standing !== "paused";
      button("step").disabled = standing !== "paused";
    },
  };
}

/** @param {number | null | undefined} speed */
export function speedWords(speed) {
  return speed === null || speed === undefined || !Number.isFinite(speed)
    ? NONE
    : speed < 9.95
      ? formatOne(speed)
      : formatCount(speed);
}
