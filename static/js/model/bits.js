// Masks as they travel: one bit a unit, the most significant bit of a byte first (`numpy.packbits`); 1 is kept.

/**
 * Whether a mask kept a unit.
 * @param {Uint8Array} packed
 * @param {number} unit
 */
export function isKept(packed, unit) {
  return ((packed[unit >> 3] >> (7 - (unit & 7))) & 1) === 1;
}

/**
 * A mask with one byte for each unit: 1 kept, 0 dropped.
 * @param {Uint8Array} packed
 * @param {number} units
 */
export function unpack(packed, units) {
  const mask = new Uint8Array(units);
  for (let unit = 0; unit < units; unit += 1) {
    mask[unit] = (packed[unit >> 3] >> (7 - (unit & 7))) & 1;
  }
  return mask;
}

/**
 * How many of the first `units` a mask kept. What pads the last byte does not count.
 * @param {Uint8Array} packed
 * @param {number} units
 */
export function countKept(packed, units) {
  return unpack(packed, units).reduce((sum, bit) => sum + bit, 0);
}
