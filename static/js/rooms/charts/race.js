// The race of the class: validation losses of all places over the steps. Many faint lines, few that have a name. Pure.

/** @import { RaceTopic, RoomPlace } from "../../types.js" */
/** @import { Limits } from "./axes.js" */
/** @import { Chart, Mark, Size } from "./painter.js" */

import { formatCount, formatLoss } from "../../model/stats.js";
import { quantile, steadyTop } from "./axes.js";
import { axesOf, cutOff, frameOf, lastOf, pathOf } from "./frame.js";
import { short, spreadLabels } from "./labels.js";
import { mark } from "./painter.js";

const LETTER = 24;
const LINE = 30; // from one line of a label to the next
const APART = 66; // from one label to the next
const FEW = 5; // places of which each has its name
const LONGEST = 16; // characters of a name
const SIMULATED = " (sim.)"; // behind one that does not say so itself
const HEADROOM = 1.5; // of the axis, above what most places have now

/** Where the axes ended before. @typedef {{ steps: number | null, top: number | null }} RaceLimits */

/**
 * One place with its line.
 * @typedef {object} Runner
 * @property {number} lane
 * @property {string} name
 * @property {boolean} simulated
 * @property {boolean} gone
 * @property {readonly (number | null)[]} losses
 * @property {{ step: number, value: number } | null} last
 */

/**
 * The places that have a line, with their names.
 * @param {RaceTopic} race
 * @param {readonly RoomPlace[]} places
 * @returns {Runner[]}
 */
export function runnersOf(race, places) {
  const known = new Map(places.map((place) => [place.lane, place]));
  return race.lanes.map((lane, index) => {
    const place = known.get(lane);
    const losses = race.loss[index] ?? [];
    return {
      ...{ lane, losses, name: place?.name ?? `Place ${lane + 1}`, simulated: place?.simulated ?? false },
      gone: Boolean(place?.gone),
      last: lastOf(race.step, losses),
    };
  });
}

/**
 * Which places are told by name, and what for. One place has one reason: the first.
 * @param {readonly Runner[]} runners
 * @param {{ changed: number | null, shown: number | null }} marked Lanes.
 * @returns {Map<number, { role: "best" | "worst" | "changed" | "shown" | "named", words: string }>}
 */
export function namedOf(runners, { changed, shown }) {
  const running = runners.filter(({ last, gone }) => last !== null && !gone);
  const ordered = [...running].sort((one, other) => newest(one) - newest(other));
  /** @type {ReturnType<typeof namedOf>} */
  const named = new Map();
  const add = (
    /** @type {number | null | undefined} */ lane,
    /** @type {"best" | "worst" | "changed" | "shown" | "named"} */ role,
    /** @type {string} */ words,
  ) => {
    if (lane !== null && lane !== undefined && !named.has(lane) && runners.some((each) => each.lane === lane)) {
      named.set(lane, { role, words });
    }
  };
  if (ordered.length > 1) {
    add(ordered[0].lane, "best", "lowest");
    add(ordered[ordered.length - 1].lane, "worst", "highest");
  }
  add(shown, "shown", "shown");
  add(changed, "changed", "changed last");
  if (runners.length <= FEW) {
    for (const { lane } of ordered) {
      add(lane, "named", "");
    }
  }
  return named;
}

/**
 * @param {object} given
 * @param {RaceTopic} given.race
 * @param {readonly RoomPlace[]} given.places
 * @param {number | null} given.changed The lane whose knobs were turned last.
 * @param {number | null} given.shown The lane that the host shows.
 * @param {Size} size
 * @param {RaceLimits} before
 * @returns {Chart & { limits: RaceLimits }}
 */
export function raceChart({ race, places, changed, shown }, size, before) {
  const runners = runnersOf(race, places);
  const named = namedOf(runners, { changed, shown });
  const limits = limitsOf(race, runners, before);
  const both = { x: /** @type {Limits} */ ([0, limits.steps ?? 100]), y: /** @type {Limits} */ ([0, limits.top ?? 1]) };
  const frame = frameOf(size, { top: 52, right: 262, bottom: 44, left: 74 }, both);
  const order = [...runners].sort((one, other) => Number(named.has(one.lane)) - Number(named.has(other.lane)));
  const lines = order.flatMap(({ lane, losses, simulated, last }) => {
    const role = named.get(lane)?.role ?? "one";
    const style = `race-line is-${role}${simulated ? " is-simulated" : ""}`;
    const line = mark(`line ${lane}`, "path", { class: style, d: pathOf(race.step, losses, frame) });
    const end = last && role !== "one" ? [endMark(lane, role, frame.x(last.step), frame.y(last.value))] : [];
    return [line, ...end];
  });
  return {
    ...size,
    marks: [
      ...axesOf(frame, both, { x: "step", y: "validation loss" }, LETTER),
      cutOff("lines", frame, lines, 9),
      ...labelsOf(runners, named, frame),
    ],
    words: raceWords(race, runners, named),
    limits,
  };
}

/**
 * Where the axes end. Upwards it is what most places have now, with some room: of the first steps, which fall from far
 * above, the axis need not show all.
 * @param {RaceTopic} race
 * @param {readonly Runner[]} runners
 * @param {RaceLimits} before
 * @returns {RaceLimits}
 */
function limitsOf(race, runners, before) {
  const now = runners.flatMap(({ last, gone }) => (last && !gone && Number.isFinite(last.value) ? [last.value] : []));
  const last = race.step[race.step.length - 1] ?? 0;
  const isAnew = before.steps !== null && last < before.steps / 4;
  return {
    steps:
      last > 0
        ? isAnew || before.steps === null || last > before.steps
          ? roundSteps(last)
          : before.steps
        : before.steps,
    top: now.length > 0 ? steadyTop(isAnew ? null : before.top, quantile(now, 0.9) * HEADROOM) : before.top,
  };
}

/** @param {number} last */
function roundSteps(last) {
  return steadyTop(null, Math.max(100, last * 1.1));
}

/**
 * The end of a line: a shape of its own for each reason, beside its colour.
 * @param {number} lane
 * @param {string} role
 * @param {number} x
 * @param {number} y
 */
function endMark(lane, role, x, y) {
  const shapes = {
    best: `M${x - 8} ${y - 6}h16l-8 14z`, // points down
    worst: `M${x - 8} ${y + 6}h16l-8 -14z`, // points up
    changed: `M${x} ${y - 9}l9 9-9 9-9-9z`,
    shown: `M${x - 7} ${y - 7}h14v14h-14z`,
  };
  const circle = `M${x - 7} ${y}a7 7 0 1 0 14 0a7 7 0 1 0 -14 0z`;
  const d = /** @type {Record<string, string>} */ (shapes)[role] ?? circle;
  return mark(`end ${lane}`, "path", { class: `race-end is-${role}`, d });
}

/**
 * The names at the right, each joined to the end of its line.
 * @param {readonly Runner[]} runners
 * @param {ReturnType<typeof namedOf>} named
 * @param {import("./frame.js").Frame} frame
 * @returns {Mark[]}
 */
function labelsOf(runners, named, frame) {
  const { x, y, right, top, bottom } = frame;
  const told = runners.flatMap((runner) => {
    const why = named.get(runner.lane);
    return why && runner.last ? [{ ...runner, last: runner.last, ...why }] : [];
  });
  const ends = told.map(({ last }) => Math.min(Math.max(y(last.value), top), bottom));
  const places = spreadLabels(ends, APART, [top + 6, bottom - LINE]);
  return told.flatMap(({ lane, name, role, words, simulated, last }, index) => {
    const middle = places[index];
    const above = y(last.value) < top ? "↑ " : "";
    const about = [words, `${above}${formatLoss(last.value)}`].filter(Boolean);
    const from = Math.min(x(last.step), right) + 12;
    return [
      mark(`lead ${lane}`, "path", {
        class: `lead is-${role}`,
        d: `M${from} ${ends[index]}L${right + 16} ${middle}h10`,
      }),
      mark(
        `name ${lane}`,
        "text",
        { class: `line-name is-${role}`, x: right + 32, y: middle + 2 },
        simulated && !/simulated/i.test(name)
          ? `${short(name, LONGEST - SIMULATED.length)}${SIMULATED}`
          : short(name, LONGEST),
      ),
      mark(`about ${lane}`, "text", { class: "line-about", x: right + 32, y: middle + 2 + LINE }, about.join(" · ")),
    ];
  });
}

/**
 * @param {RaceTopic} race
 * @param {readonly Runner[]} runners
 * @param {ReturnType<typeof namedOf>} named
 */
function raceWords(race, runners, named) {
  const last = race.step[race.step.length - 1];
  if (last === undefined || runners.every((each) => each.last === null)) {
    return "No place has been evaluated yet.";
  }
  const told = runners.flatMap((runner) => {
    const why = named.get(runner.lane);
    return why && runner.last
      ? [`${runner.name}${why.words ? `, ${why.words}` : ""}: ${formatLoss(runner.last.value)}`]
      : [];
  });
  const gone = runners.filter((each) => each.gone).length;
  return [
    `Validation losses of ${formatCount(runners.length)} places up to step ${formatCount(last)}.`,
    ...told.map((each) => `${each}.`),
    ...(gone > 0 ? [`${formatCount(gone)} diverged.`] : []),
  ].join(" ");
}

/** @param {Runner} runner */
function newest({ last }) {
  return last?.value ?? Number.POSITIVE_INFINITY;
}
