// What the server says, put into the store.

/** @import { Frame, Run, Schema, ScoreName, Store } from "../types.js" */

import { isInsight } from "../model/catalogue.js";
import { networkNamed } from "../model/kinds.js";
import { appendRow } from "../state/columns.js";
import { StepRing } from "../state/ring.js";
import { emptyRecords, SCORES } from "../state/store.js";

const GRAPHS = 128; // as many graph frames are kept for looking back
const TRAIL = 256; // frames of a view that are kept for its curve
const TRAIL_BYTES = 1024; // of a tensor in them

/**
 * Take a run's new state in. `fresh` throws away what was recorded: the run is another, or starts again from step 0.
 * @param {Store} store
 * @param {Run} run
 * @param {{ fresh: boolean }} options
 */
export function ingestRun(store, run, { fresh }) {
  const schema = /** @type {Schema} */ (store.state.schema); // a page has it before it opens a run
  const { dropouts } = schema;
  store.update("run", { run: { ...run, dropouts, network: networkNamed(schema, run.config.network) } });
  if (fresh) {
    clear(store, run);
  }
}

/**
 * @param {Store} store
 * @param {Run} run
 */
function clear(store, run) {
  store.update("steps", emptyRecords(run.layers, run.config.lanes.length));
  store.update("scores");
  store.update("graph");
  store.update("ensemble");
  store.update("boundary");
  store.update("insights");
  store.update("cursor");
}

/**
 * Take one frame in. A frame of a run that is no longer looked at is left out.
 * @param {Store} store
 * @param {Frame} frame
 */
export function ingestFrame(store, frame) {
  const { run } = store.state;
  if (run && frame.run === run.id) {
    const take = TAKERS[frame.kind] ?? (isInsight(store.state.schema, frame.kind) ? takeInsight : null);
    take?.(store, frame);
  }
}

/** @type {Record<string, (store: Store, frame: Frame) => void>} */
const TAKERS = {
  data: (store, frame) => store.update("data", { data: frame }),
  history(store, frame) {
    const run = /** @type {Run} */ (store.state.run);
    const { cursor } = store.state;
    clear(store, run);
    takePast(store, frame);
    takeSteps(store, frame);
    takeScores(store, frame, "scores/");
    store.update("cursor", { cursor: cursor !== null && cursor <= store.state.steps.last ? cursor : null });
  },
  steps(store, frame) {
    takePast(store, frame);
    takeSteps(store, frame);
  },
  scores: (store, frame) => takeScores(store, frame, ""),
  graph(store, frame) {
    const { graphs } = store.state;
    graphs.set(Number(frame.tensors.step.data[0]), frame);
    if (graphs.size > GRAPHS) {
      graphs.delete(/** @type {number} */ (graphs.keys().next().value));
    }
    store.update("graph", { graph: frame });
  },
  ensemble: (store, frame) => takePicture(store, frame, "ensemble"),
  boundary: (store, frame) => takePicture(store, frame, "boundary"),
};

/**
 * Show a picture of the newest step; while an old one is looked at, keep it for later.
 * @param {Store} store
 * @param {Frame} frame
 * @param {"ensemble" | "boundary"} kind
 */
function takePicture(store, frame, kind) {
  const { past } = store.state;
  if (past.live) {
    store.state.past = { ...past, live: { ...past.live, [kind]: frame } };
  } else {
    store.update(kind, { [kind]: frame });
  }
}

/**
 * Keep the newest frame of a view whole, and the small tensors of those before.
 * @param {Store} store
 * @param {Frame} frame
 */
function takeInsight(store, frame) {
  const { insights, trails } = store.state;
  const small = Object.entries(frame.tensors).filter(([, { data }]) => data.byteLength <= TRAIL_BYTES);
  const step = (/** @type {Frame} */ each) => Number(each.tensors.step.data[0]);
  const before = (trails[frame.kind] ?? []).filter((each) => step(each) < step(frame));
  const kept = before.length < TRAIL ? before : before.filter((_, index) => index % 2 === 0);
  store.update("insights", {
    insights: { ...insights, [frame.kind]: frame },
    trails: { ...trails, [frame.kind]: [...kept, { ...frame, tensors: Object.fromEntries(small) }] },
  });
}

/**
 * The losses from before the steps whose masks a frame holds: of the whole past in `history`, of what was skipped in `steps`.
 * @param {Store} store
 * @param {Frame} frame
 */
function takePast({ state }, { tensors }) {
  const past = tensors["past/step"];
  const first = tensors.step?.shape[0] ? Number(tensors.step.data[0]) : Number.POSITIVE_INFINITY;
  for (let row = 0; past && row < past.shape[0] && Number(past.data[row]) < first; row += 1) {
    const loss = /** @type {Float32Array} */ (tensors["past/loss"].data);
    appendRow(state.losses, Number(past.data[row]), { loss }, row * tensors["past/loss"].shape[1]);
  }
}

/**
 * @param {Store} store
 * @param {Frame} frame
 */
function takeSteps(store, { tensors }) {
  const { steps, losses } = store.state;
  if (!tensors.step) {
    return;
  }
  const loss = /** @type {Float32Array} */ (tensors.loss.data);
  const count = tensors.step.shape[0];
  for (let row = 0; row < count; row += 1) {
    pushRow(steps, tensors, row);
    appendRow(losses, Number(tensors.step.data[row]), { loss }, row * tensors.loss.shape[1]);
  }
  store.update("steps");
}

/**
 * Put one row of a frame's masks into a ring.
 * @param {StepRing} ring
 * @param {Frame["tensors"]} tensors
 * @param {number} row
 */
function pushRow(ring, tensors, row) {
  const at = (/** @type {string} */ name) => Number(tensors[name]?.data[row] ?? 0);
  ring.push(
    { step: at("step"), lane: at("lane"), example: at("example"), kind: at("dropout_kind") },
    (layer) => packedRow(tensors[`mask/${layer}`], row),
    (layer) => at(`kept/${layer}`),
    (layer) => [at(`rate/${layer}`), at(`group_rate/${layer}`)],
  );
}

/**
 * A ring of its own with all masks of a frame.
 * @param {Run["layers"]} layers
 * @param {Frame} frame
 */
export function ringOf(layers, { tensors }) {
  const ring = new StepRing(layers);
  for (let row = 0; row < tensors.step.shape[0]; row += 1) {
    pushRow(ring, tensors, row);
  }
  return ring;
}

/**
 * @param {import("../types.js").Tensor | undefined} mask (K, bytes)
 * @param {number} row
 */
function packedRow(mask, row) {
  const bytes = mask?.shape[1] ?? 0;
  return mask ? /** @type {Uint8Array} */ (mask.data).subarray(row * bytes, (row + 1) * bytes) : null;
}

/**
 * @param {Store} store
 * @param {Frame} frame
 * @param {string} prefix
 */
function takeScores(store, { tensors }, prefix) {
  const step = tensors[`${prefix}step`];
  if (!step) {
    return;
  }
  const series = SCORES.map((name) => [name, tensors[prefix + name].data]);
  const values = /** @type {Record<ScoreName, Float32Array>} */ (Object.fromEntries(series));
  const lanes = tensors[`${prefix}train_loss`].shape[1];
  for (let row = 0; row < step.shape[0]; row += 1) {
    appendRow(store.state.scores, Number(step.data[row]), values, row * lanes);
  }
  store.update("scores");
}
