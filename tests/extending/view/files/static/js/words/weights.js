// What the picture of the weights shows, in words.

import { formatCount, formatLoss } from "../model/stats.js";
import { joined, quoted } from "./common.js";

/**
 * @param {{ step: number, lanes: { name: string, length: number, largest: number }[] } | null} reading `null` before the first look.
 */
export function weightsSentence(reading) {
  if (reading === null || reading.lanes.length === 0) {
    return "No weights have been looked at yet.";
  }
  const each = reading.lanes.map(
    ({ name, length, largest }) =>
      `All weights of ${quoted(name)} together are ${formatLoss(length)} long, the largest of them is ${formatLoss(largest)}.`,
  );
  return joined([`Step ${formatCount(reading.step)}.`, ...each.slice(0, 3)]);
}
