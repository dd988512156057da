// The numbers of sub-networks in the plane. Pure: works on plain arrays.

const QUARTER = 4;
const LEVELS = 255;

/**
 * Share of the plane where at least a quarter of the sub-networks say another class than the rest.
 * @param {Uint8Array} members Probabilities of class 1, 0 … 255, (count, cells).
 * @param {number} count
 */
export function dividedShare(members, count) {
  const cells = members.length / count;
  const least = Math.ceil(count / QUARTER);
  let divided = 0;
  for (let cell = 0; cell < cells; cell += 1) {
    let ones = 0;
    for (let member = 0; member < count; member += 1) {
      ones += Number(members[member * cells + cell] > LEVELS / 2);
    }
    divided += Number(Math.min(ones, count - ones) >= least);
  }
  return divided / cells;
}

/**
 * For each cell of a grid over the plane the distance to the nearest point, in shares of the plane's sides.
 * @param {ArrayLike<number>} points x, y of each.
 * @param {ArrayLike<number>} extent x-min, x-max, y-min, y-max.
 * @param {number} size Of the grid; row 0 is the bottom.
 */
export function distancesFrom(points, extent, size) {
  const [left, right, bottom, top] = [0, 1, 2, 3].map((at) => Number(extent[at]));
  return Float32Array.from({ length: size * size }, (_, cell) => {
    const [x, y] = [(cell % size) / (size - 1), Math.floor(cell / size) / (size - 1)];
    let least = Number.POSITIVE_INFINITY;
    for (let at = 0; at + 1 < points.length; at += 2) {
      const [dx, dy] = [(points[at] - left) / (right - left) - x, (points[at + 1] - bottom) / (top - bottom) - y];
      least = Math.min(least, dx * dx + dy * dy);
    }
    return Math.sqrt(least);
  });
}

/**
 * The mean of a map over the quarter of its cells that is nearest to the points, and over the quarter that is farthest.
 * @param {ArrayLike<number>} map
 * @param {Float32Array} distances As many.
 */
export function nearAndFar(map, distances) {
  const order = Uint32Array.from(distances, (_, cell) => cell).sort((one, other) => distances[one] - distances[other]);
  const count = Math.max(1, Math.floor(order.length / QUARTER));
  const mean = (/** @type {Uint32Array} */ cells) => cells.reduce((sum, cell) => sum + map[cell], 0) / cells.length;
  return { near: mean(order.subarray(0, count)), far: mean(order.subarray(order.length - count)) };
}

/**
 * The mean of a map along a contour: of the cells that it passes; NaN without one.
 * @param {ArrayLike<number>} map
 * @param {Float32Array} segments As `contour` gives them.
 * @param {number} size Of the grid.
 */
export function meanAlong(map, segments, size) {
  let sum = 0;
  for (let at = 0; at < segments.length; at += 4) {
    const column = Math.round((segments[at] + segments[at + 2]) / 2);
    const row = Math.round((segments[at + 1] + segments[at + 3]) / 2);
    sum += map[row * size + column];
  }
  return (4 * sum) / segments.length;
}

/**
 * The pieces of a contour joined to lines, so that they can be dashed.
 * @param {Float32Array} segments As `contour` gives them.
 * @returns {number[][]} x, y, x, y, … of each line.
 */
export function linesOf(segments) {
  const keyAt = (/** @type {number} */ at) => `${segments[at].toFixed(4)},${segments[at + 1].toFixed(4)}`;
  /** @type {Map<string, Set<number>>} Which pieces end at a point. */
  const meeting = new Map();
  for (let at = 0; at < segments.length; at += 2) {
    const piece = at - (at % 4);
    meeting.set(keyAt(at), (meeting.get(keyAt(at)) ?? new Set()).add(piece));
  }
  const free = new Set(Array.from({ length: segments.length / 4 }, (_, piece) => 4 * piece));

  /** Go on from one end of a piece for as long as there is another. @param {number} at Where the end stands. */
  function follow(at) {
    /** @type {number[]} */
    const line = [];
    for (let end = at; ; ) {
      line.push(segments[end], segments[end + 1]);
      const key = keyAt(end);
      const next = [...(meeting.get(key) ?? [])].find((piece) => free.has(piece));
      if (next === undefined) {
        return line;
      }
      free.delete(next);
      end = keyAt(next) === key ? next + 2 : next;
    }
  }

  const lines = [];
  for (const piece of free) {
    free.delete(piece);
    const ahead = follow(piece + 2);
    const back = follow(piece);
    const points = [];
    for (let at = back.length - 2; at >= 0; at -= 2) {
      points.push(back[at], back[at + 1]);
    }
    lines.push([...points, ...ahead]);
  }
  return lines;
}
