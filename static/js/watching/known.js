// What the page knows of a watched model, from the messages and frames that came: rows, series, sums, votes. Pure.

/** @import { Frame, SiteRow, SiteSummary, Tensor, Watch } from "../types.js" */

/** Rows that are kept of a site. */
export const MOST_ROWS = 2048;
/** Points that are kept of a series. */
export const MOST_POINTS = 4000;

/** Rows of one site, the oldest first. @typedef {{ rows: SiteRow[], gone: number, used: number }} SiteRows `gone`: how many
 *   were let go before the first; `used`: how many units meant something in each of all rows so far. */
/** One series. @typedef {{ step: number[], value: number[] }} Points */

/**
 * What sub-networks said.
 * @typedef {object} Votes
 * @property {number} step
 * @property {number} passes
 * @property {"classes" | "numbers"} task
 * @property {Record<string, Float32Array>} numbers By the names of the tensors: `accuracy/member`, …
 * @property {Uint8Array | null} right
 */

/** @returns {Watch} */
const nothing = () => ({
  ...{ id: "", name: "", control: false, fed: false, opened_at: 0, viewers: 0, model: null, state: null },
  ...{ warnings: [], changes: [], code: "" },
});

/** All of it. @typedef {ReturnType<typeof createKnown>} Known */

export function createKnown() {
  const known = {
    watch: nothing(),
    may: false,
    isGreeted: false,
    /** @type {Map<number, SiteRows>} By the number of the site. */
    rows: new Map(),
    /** @type {Map<number, Points>} By the number of the series. */
    series: new Map(),
    /** @type {Map<number, SiteSummary>} */
    summaries: new Map(),
    /** @type {Votes | null} */
    votes: null,
    /**
     * Hear a message; answers what of the page is older than that now.
     * @param {*} message
     */
    hear(message) {
      const { watch } = known;
      switch (message.op) {
        case "hello":
          known.watch = greeted(watch, message.watch);
          Object.assign(known, { may: message.may === true, isGreeted: true });
          break;
        case "model":
          watch.model = message.model;
          break;
        case "state":
          watch.state = message.state;
          break;
        case "warning":
          watch.warnings = [...watch.warnings.filter(({ id }) => id !== message.warning.id), message.warning];
          break;
        case "changed":
          Object.assign(watch, { changes: message.changes, code: message.code });
          break;
        case "fed":
          watch.fed = message.fed;
          break;
        case "viewers":
          watch.viewers = message.count;
          break;
        default:
      }
    },
    /**
     * Take a frame.
     * @param {Frame} frame
     * @param {boolean} isFirst Whether it has what was before: it takes the place of the same steps.
     */
    take(frame, isFirst) {
      const { kind, tensors } = frame;
      if (kind === "rows") {
        takeRows(known.rows, tensors, isFirst);
      } else if (kind === "metrics") {
        takePoints(known.series, tensors, isFirst);
      } else if (kind === "summary") {
        takeSummaries(known.summaries, tensors);
      } else if (kind === "ensemble") {
        known.votes = votesOf(frame);
      }
    },
  };
  return known;
}

/**
 * What is told in a greeting, and of what the server does not know again yet, what was known.
 * @param {Watch} before
 * @param {Watch} told
 * @returns {Watch}
 */
function greeted(before, told) {
  const isEmpty = told.model === null;
  return {
    ...told,
    ...(isEmpty && before.model
      ? {
          model: before.model,
          state: before.state,
          warnings: before.warnings,
          changes: before.changes,
          code: before.code,
        }
      : {}),
  };
}

/**
 * @param {Record<string, Tensor>} tensors
 * @param {string} name `step/`
 */
function numbersIn(tensors, name) {
  return Object.keys(tensors)
    .filter((each) => each.startsWith(name))
    .map((each) => Number(each.slice(name.length)));
}

/**
 * How many of what is held come before what comes now: all, unless this goes back to steps that are held.
 * @param {number} held How many are.
 * @param {(index: number) => number} stepOf
 * @param {number} first The first step that comes now.
 * @param {boolean} isFirst Whether the same step comes again, too.
 */
function before(held, stepOf, first, isFirst) {
  let count = held;
  while (count > 0 && (stepOf(count - 1) > first || (isFirst && stepOf(count - 1) === first))) {
    count -= 1;
  }
  return count;
}

/**
 * @param {Map<number, SiteRows>} all
 * @param {Record<string, Tensor>} tensors
 * @param {boolean} isFirst
 */
function takeRows(all, tensors, isFirst) {
  for (const site of numbersIn(tensors, "step/")) {
    const of = (/** @type {string} */ name) => /** @type {*} */ (tensors[`${name}/${site}`].data);
    const [step, mask, used, kept, size, rate, flags] = ["step", "mask", "used", "kept", "size", "rate", "flags"].map(
      of,
    );
    if (step.length === 0) {
      continue;
    }
    const held = all.get(site) ?? { rows: [], gone: 0, used: Number.POSITIVE_INFINITY };
    all.set(site, held);
    held.rows.length = before(held.rows.length, (index) => held.rows[index].step, step[0], isFirst);
    const width = mask.length / step.length;
    for (let index = 0; index < step.length; index += 1) {
      held.rows.push({
        ...{ step: step[index], used: used[index], kept: kept[index], size: size[index] },
        ...{ rate: Number(rate[index].toPrecision(6)), flags: flags[index] },
        mask: mask.slice(index * width, (index + 1) * width), // a view would keep the whole frame
      });
      held.used = Math.min(held.used, used[index]);
    }
    const spare = held.rows.length - MOST_ROWS;
    if (spare > 0) {
      held.rows.splice(0, spare);
      held.gone += spare;
    }
  }
}

/**
 * @param {Map<number, Points>} all
 * @param {Record<string, Tensor>} tensors
 * @param {boolean} isFirst
 */
function takePoints(all, tensors, isFirst) {
  for (const series of numbersIn(tensors, "step/")) {
    const step = /** @type {Uint32Array} */ (tensors[`step/${series}`].data);
    const value = /** @type {Float32Array} */ (tensors[`value/${series}`].data);
    if (step.length === 0) {
      continue;
    }
    const held = all.get(series) ?? { step: [], value: [] };
    const count = before(held.step.length, (index) => held.step[index], step[0], isFirst);
    held.step.length = count;
    held.value.length = count;
    for (let index = 0; index < step.length; index += 1) {
      held.step.push(step[index]);
      held.value.push(value[index]);
    }
    all.set(series, thinned(held));
  }
}

/**
 * At most so many points: of the older half every other one goes.
 * @param {Points} points
 * @returns {Points}
 */
function thinned({ step, value }) {
  if (step.length <= MOST_POINTS) {
    return { step, value };
  }
  const half = step.length >> 1;
  const stays = (/** @type {number} */ _, /** @type {number} */ index) => index >= half || index % 2 === 0;
  return thinned({ step: step.filter(stays), value: value.filter(stays) });
}

/**
 * @param {Map<number, SiteSummary>} all
 * @param {Record<string, Tensor>} tensors
 */
function takeSummaries(all, tensors) {
  for (const site of numbersIn(tensors, "samples/")) {
    const of = (/** @type {string} */ name) => /** @type {*} */ (tensors[`${name}/${site}`]?.data ?? null);
    const one = (/** @type {string} */ name) => Number(of(name)?.[0] ?? Number.NaN);
    all.set(site, {
      ...{ samples: one("samples"), dropped: of("dropped"), expected: one("expected"), silent: of("silent") },
      ...{ mean: one("mean"), deviation: one("deviation"), zero: one("zero") },
      ...{ edges: of("edges"), histogram: of("histogram") },
    });
  }
}

/**
 * @param {Frame} frame
 * @returns {Votes}
 */
function votesOf({ tensors, meta }) {
  const floats = Object.entries(tensors).filter(([, { data }]) => data instanceof Float32Array);
  return {
    step: Number(tensors.step?.data[0] ?? 0),
    passes: Number(tensors.passes?.data[0] ?? 0),
    task: meta.task === "numbers" ? "numbers" : "classes",
    numbers: Object.fromEntries(floats.map(([name, { data }]) => [name, /** @type {Float32Array} */ (data)])),
    right: /** @type {Uint8Array | null} */ (tensors.right?.data ?? null),
  };
}
