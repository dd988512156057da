// Not more often than a reader can follow.

/**
 * @typedef {object} Timing
 * @property {() => number} now
 * @property {(work: () => void, delay: number) => number} setTimeout
 * @property {(timer: number) => void} clearTimeout
 */

/** @type {Timing} */
const TIMING = {
  now: () => performance.now(),
  setTimeout: (work, delay) => Number(setTimeout(work, delay)),
  clearTimeout: (timer) => clearTimeout(timer),
};

/**
 * Call `run` at once, then at most once every `interval()` milliseconds; the last request is never lost.
 * @param {() => void} run
 * @param {() => number} interval
 * @param {Timing} [timing] Whose clock it goes by.
 */
export function createPace(run, interval, timing = TIMING) {
  const clock = { last: Number.NEGATIVE_INFINITY, timer: /** @type {number | null} */ (null) };

  function cancel() {
    if (clock.timer !== null) {
      timing.clearTimeout(clock.timer);
      clock.timer = null;
    }
  }

  function now() {
    cancel();
    clock.last = timing.now();
    run();
  }

  function request() {
    const wait = clock.last + interval() - timing.now();
    if (wait <= 0) {
      now();
    } else if (clock.timer === null) {
      clock.timer = timing.setTimeout(now, wait);
    }
  }

  return { request, now, cancel };
}
