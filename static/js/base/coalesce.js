// A slider sends many values a second; the server needs the latest.

/** @typedef {{ value: *, waiting: { resolve: (result: *) => void, reject: (error: *) => void }[] }} Parcel */

const INTERVAL = 100; // ms between two sends of one key: ten changes a second look continuous

/**
 * Make a sender that has at most one value of a key on the way, waits `interval` ms between two of them, and meanwhile
 * keeps only the latest. Everyone whose value was superseded gets the answer to the value that replaced it.
 * @param {(key: string, value: *) => Promise<*>} send
 * @param {object} [options]
 * @param {number} [options.interval]
 * @param {(callback: () => void, delay: number) => *} [options.setTimeout]
 * @returns {(key: string, value: *) => Promise<*>}
 */
export function coalesce(send, { interval = INTERVAL, setTimeout = globalThis.setTimeout.bind(globalThis) } = {}) {
  /** @type {Map<string, Parcel | null>} Keys on their way, each with what comes next. */
  const next = new Map();

  /**
   * @param {string} key
   * @param {Parcel} parcel
   */
  async function dispatch(key, parcel) {
    next.set(key, null);
    const pause = new Promise((resolve) => setTimeout(() => resolve(null), interval));
    try {
      const result = await send(key, parcel.value);
      for (const { resolve } of parcel.waiting) {
        resolve(result);
      }
    } catch (error) {
      for (const { reject } of parcel.waiting) {
        reject(error);
      }
    }
    await pause;
    const following = next.get(key);
    next.delete(key);
    if (following) {
      dispatch(key, following);
    }
  }

  return (key, value) =>
    new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      const queued = next.get(key);
      if (queued) {
        queued.value = value;
        queued.waiting.push(waiter);
      } else if (next.has(key)) {
        next.set(key, { value, waiting: [waiter] });
      } else {
        dispatch(key, { value, waiting: [waiter] });
      }
    });
}
