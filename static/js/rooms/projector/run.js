// One run, large: accuracies, loss curves, the mask of the newest step. The host's, or a student's that is shown.

/** @import { FollowedTopic, RoomTopic } from "../../types.js" */
/** @import { LossLimits, Trail } from "../charts/losses.js" */

import { h, setText } from "../../base/dom.js";
import { formatCount, formatLoss, formatPercent, formatPlain } from "../../model/stats.js";
import { createFigure } from "../charts/figure.js";
import { short } from "../charts/labels.js";
import { lossChart } from "../charts/losses.js";
import { maskChart } from "../charts/mask.js";
import { NO_TRAIL, withNewest } from "../charts/trail.js";
import { captioned, legend } from "./captioned.js";

const LANES = 8;
const MOST = 4; // networks whose numbers are told

/**
 * @param {HTMLElement} place
 */
export function createRun(place) {
  const document = place.ownerDocument;
  const scores = h(document, "ul", { class: "scores", "aria-label": "Validation accuracy" });
  const losses = captioned(document, "Loss", legend(document, ["validation", "train"]));
  const mask = captioned(document, "Mask", legend(document, ["kept", "dropped"]));
  losses.element.classList.add("is-loss");
  mask.element.classList.add("is-mask");
  place.append(scores, losses.element, mask.element);
  const state = {
    topic: /** @type {FollowedTopic | null} */ (null),
    trail: NO_TRAIL,
    limits: /** @type {LossLimits} */ ({ steps: null, top: null }),
  };

  const lossFigure = createFigure(losses.plot, (size) => {
    if (!state.topic) {
      return null;
    }
    const chart = lossChart({ ...state.topic, trail: trailOf(state.topic, state.trail) }, size, state.limits);
    state.limits = chart.limits;
    return chart;
  });
  const maskFigure = createFigure(mask.plot, (size) => (state.topic?.mask ? maskChart(state.topic.mask, size) : null));

  /** @param {FollowedTopic["networks"]} networks */
  function tellScores(networks) {
    const told = networks.slice(0, MOST);
    while (scores.childElementCount > told.length) {
      scores.lastElementChild?.remove();
    }
    for (const [index, { name, hidden, accuracy, loss }] of told.entries()) {
      const parts = ["score-name", "score-number", "score-about"];
      const made = () =>
        h(document, "li", { class: "score" }, ...parts.map((each) => h(document, "span", { class: each })));
      const item = /** @type {HTMLElement} */ (scores.children[index] ?? scores.appendChild(made()));
      item.dataset.lane = String(index % LANES);
      const [first, second, third] = item.children;
      setText(first, short(name, 24));
      setText(second, accuracy === null ? "–" : formatPercent(accuracy));
      const rate = hidden === null ? "" : `dropout ${formatPlain(hidden)} · `;
      setText(third, loss === null ? `${rate}not evaluated yet` : `${rate}validation loss ${formatLoss(loss)}`);
    }
  }

  return {
    /**
     * @param {FollowedTopic} topic
     * @param {RoomTopic | undefined} room
     */
    update(topic, room) {
      if (state.topic?.run !== topic.run) {
        state.limits = { steps: null, top: null };
      }
      state.topic = topic;
      state.trail = withNewest(state.trail, topic);
      tellScores(topic.networks);
      const look = topic.op === "followed" ? (room?.look?.panel ?? "") : "";
      place.dataset.look = look;
      const { mask: now } = topic;
      setText(
        mask.note,
        now
          ? `Which neurons step ${formatCount(now.step)} trained in “${now.name}”.`
          : "No step has been made with dropout yet.",
      );
      lossFigure.paint();
      maskFigure.paint();
    },
  };
}

/**
 * The training losses: those that the topic has, if it has any, or those that came with its predecessors.
 * @param {FollowedTopic} topic
 * @param {Trail} kept
 * @returns {Trail}
 */
function trailOf({ curve }, kept) {
  const { step, train } = /** @type {FollowedTopic["curve"] & Partial<Pick<Trail, "train">>} */ (curve);
  return train ? { step, train } : kept;
}
