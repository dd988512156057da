// Which steps the network picture shows: at slow speeds each of them, else those of the followed example alone.

/** @import { Frame, Run } from "../types.js" */

const SLOW = 5; // steps a second, up to which each step has a picture (docs/protocol.md)

/**
 * Whether the picture of a step is to be shown. At speed another example would come and go before it can be looked at.
 * @param {Run | null} run
 * @param {Frame} frame
 */
export function isShown(run, frame) {
  const isFast = run?.state === "playing" && (run.steps_per_second === null || run.steps_per_second > SLOW);
  return !isFast || Number(frame.tensors.example?.data[0]) === run.follow.example;
}
