// Not more often than a reader can follow.

/**
 * Call `run` at once, then at most once every `interval()` milliseconds; the last request is never lost.
 * @param {() => void} run
 * @param {() => number} interval
 */
export function createPace(run, interval) {
  const clock = { last: Number.NEGATIVE_INFINITY, timer: /** @type {ReturnType<typeof setTimeout> | null} */ (null) };

  function cancel() {
    if (clock.timer !== null) {
      clearTimeout(clock.timer);
      clock.timer = null;
    }
  }

  function now() {
    cancel();
    clock.last = performance.now();
    run();
  }

  function request() {
    const wait = clock.last + interval() - performance.now();
    if (wait <= 0) {
      now();
    } else if (clock.timer === null) {
      clock.timer = setTimeout(now, wait);
    }
  }

  return { request, now, cancel };
}
