// The class run: the race of all places, the curve that they draw together, and their ensemble; or one of them, large.

/** @import { AverageTopic, RaceTopic, RoomPlace, RoomTopic } from "../../types.js" */
/** @import { CurveLimits } from "../charts/classcurve.js" */
/** @import { RaceLimits } from "../charts/race.js" */
/** @import { TogetherLimits } from "../charts/together.js" */

import { h, setText } from "../../base/dom.js";
import { formatCount } from "../../model/stats.js";
import { changedLast } from "../charts/changes.js";
import { classCurve } from "../charts/classcurve.js";
import { createFigure } from "../charts/figure.js";
import { raceChart } from "../charts/race.js";
import { togetherChart, togetherSentence } from "../charts/together.js";
import { captioned, fillLegend, legend } from "./captioned.js";

/** The charts, by what the host calls them. */
export const CHARTS = /** @type {const} */ (["race", "curve", "ensemble"]);

/** @param {HTMLElement} place */
export function createClass(place) {
  const document = place.ownerDocument;
  const state = {
    run: /** @type {string | null} */ (null),
    room: /** @type {RoomTopic | null} */ (null),
    places: /** @type {readonly RoomPlace[]} */ ([]),
    race: /** @type {RaceTopic | null} */ (null),
    average: /** @type {AverageTopic | null} */ (null),
    changed: /** @type {number | null} */ (null),
    raceLimits: /** @type {RaceLimits} */ ({ steps: null, top: null }),
    curveLimits: /** @type {CurveLimits} */ ({ loss: null }),
    togetherLimits: /** @type {TogetherLimits} */ ({ loss: null }),
    arranged: /** @type {string | null} */ (null),
    figures: /** @type {{ paint: () => void, destroy: () => void }[]} */ ([]),
  };

  /** @type {Record<typeof CHARTS[number], () => { element: HTMLElement, paint: () => void, destroy: () => void }>} */
  const makers = {
    race() {
      const made = captioned(document, "The race", legend(document, ["student", "simulated"]));
      const figure = createFigure(made.plot, (size) => {
        const { race, places, changed, room } = state;
        if (!race) {
          return null;
        }
        const shown = places.find(({ id }) => id === room?.shown?.id)?.lane ?? null;
        const chart = raceChart({ race, places, changed, shown }, size, state.raceLimits);
        state.raceLimits = chart.limits;
        return chart;
      });
      const paint = () => {
        made.element.classList.toggle(
          "has-simulated",
          state.places.some(({ simulated }) => simulated),
        );
        setText(made.note, placesWords(state.places, state.room?.students.waiting ?? 0));
        figure.paint();
      };
      return { element: made.element, paint, destroy: figure.destroy };
    },
    curve() {
      const made = captioned(document, "The curve that the class draws");
      const list = h(document, "ul", { class: "legend is-below" });
      made.note.replaceWith(list);
      const figure = createFigure(made.plot, (size) => {
        const chart = classCurve({ places: state.places, known: state.room?.known ?? null }, size, state.curveLimits);
        state.curveLimits = chart.limits;
        fillLegend(list, chart.legend);
        return chart;
      });
      return { element: made.element, paint: figure.paint, destroy: figure.destroy };
    },
    ensemble() {
      const made = captioned(document, "The ensemble of the class");
      const figure = createFigure(made.plot, (size) => {
        if (!state.average) {
          return null;
        }
        const chart = togetherChart(state.average, size, state.togetherLimits);
        state.togetherLimits = chart.limits;
        return chart;
      });
      const paint = () => {
        setText(made.note, togetherSentence(state.average));
        figure.paint();
      };
      return { element: made.element, paint, destroy: figure.destroy };
    },
  };

  /** Put the charts up: made anew for each arrangement, so that none seems to jump from one place to another. */
  function arrange() {
    const asked = state.room?.look?.panel ?? "";
    const wanted = CHARTS.filter((name) => name === asked);
    const arrangement = wanted[0] ?? "all";
    if (state.arranged === arrangement) {
      return;
    }
    state.arranged = arrangement;
    for (const { destroy } of state.figures) {
      destroy();
    }
    const made = (wanted.length > 0 ? wanted : CHARTS).map((name) => ({ name, ...makers[name]() }));
    for (const { name, element } of made) {
      element.classList.add(`is-${name}`);
    }
    state.figures = made;
    place.replaceChildren(
      h(document, "div", { class: `class-charts is-${arrangement}` }, ...made.map(({ element }) => element)),
    );
  }

  return {
    /**
     * @param {object} topics
     * @param {RoomTopic} topics.room
     * @param {{ places: RoomPlace[] }} [topics.places]
     * @param {RaceTopic} [topics.race]
     * @param {AverageTopic} [topics.average]
     */
    update({ room, places, race, average }) {
      const run = room.class_run?.id ?? null;
      if (run !== state.run) {
        state.run = run;
        state.changed = null;
        state.raceLimits = { steps: null, top: null };
        state.curveLimits = { loss: null };
        state.togetherLimits = { loss: null };
      }
      if (places && places.places !== state.places) {
        state.changed = changedLast(state.places, places.places, state.changed);
        state.places = places.places;
      }
      state.room = room;
      state.race = race ?? null;
      state.average = average ?? null;
      arrange();
      for (const { paint } of state.figures) {
        paint();
      }
    },
  };
}

/**
 * @param {readonly RoomPlace[]} places
 * @param {number} waiting
 */
function placesWords(places, waiting) {
  const gone = places.filter((place) => place.gone).length;
  const taken = places.length === 1 ? "1 place is taken." : `${formatCount(places.length)} places are taken.`;
  return [
    places.length === 0 ? "No place is taken yet." : taken,
    gone > 0 ? `${formatCount(gone)} diverged.` : "",
    waiting === 1
      ? "1 student waits for a place."
      : waiting > 1
        ? `${formatCount(waiting)} students wait for a place.`
        : "",
  ]
    .filter(Boolean)
    .join(" ");
}
