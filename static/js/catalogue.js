// The panels there are, in the groups of the Views menu, and where each means something (as trainer/views.py has it).

/** @import { Experiment, Run } from "./types.js" */

export const GROUPS = [
  { title: "Training", panels: ["network", "masks", "kept", "boundary", "loss", "accuracy"] },
  { title: "Ensemble", panels: ["ensemble", "committee", "draw", "subnetworks", "forgotten"] },
  { title: "Inside", panels: ["activity", "correlation", "damage", "visits", "features"] },
  { title: "Costs", panels: ["gradient", "variance", "cost", "result", "search"] },
];

/** @typedef {(run: Run, experiment: Experiment | null) => boolean} Fits */

/** @type {Record<string, { fits: Fits, needs: string }>} */
const NEEDS = {
  boundary: { fits: isPlane, needs: "needs points in the plane" },
  subnetworks: { fits: isPlane, needs: "needs points in the plane" },
  features: { fits: isImage, needs: "needs images" },
  draw: { fits: isImage, needs: "needs images" },
  variance: { fits: hasBatchNorm, needs: "needs a network with batch norm" },
  committee: { fits: hasKin, needs: "needs two networks that differ in their seed alone" },
  search: { fits: ({ search }) => Boolean(search), needs: "needs an experiment that searches" },
  result: { fits: compares, needs: "needs an experiment that compares networks" },
};

/**
 * Why a panel would show nothing of a run; empty if it has something to show.
 * @param {string} panel
 * @param {Run} run
 * @param {Experiment | null} experiment
 */
export function obstacle(panel, run, experiment) {
  const { fits, needs } = NEEDS[panel] ?? { fits: () => true, needs: "" };
  return fits(run, experiment) ? "" : needs;
}

/** @type {Fits} */
function compares(run, experiment) {
  const isOnItsWay = experiment === null && Boolean(run.experiment); // until then nothing may come and go
  return isOnItsWay || Boolean(experiment?.picture);
}

/** @param {Run} run */
function isPlane({ layers, features }) {
  return layers[0]?.shape.length === 1 && layers[0].units === 2 && (features ?? []).length === 0;
}

/** @param {Run} run */
function isImage({ layers }) {
  return layers[0]?.shape.length === 2;
}

/** @param {Run} run */
function hasBatchNorm({ config }) {
  return config.lanes.some((lane) => lane.batch_norm);
}

/** @param {Run} run */
function hasKin({ config }) {
  const kinds = config.lanes.map((lane) => JSON.stringify({ ...lane, name: "", seed: null }));
  return new Set(kinds).size < kinds.length;
}
