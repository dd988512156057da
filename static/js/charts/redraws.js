// One redraw at a time: charts are slow, so they take turns.

/** @typedef {{ invalidate: () => void, remove: () => void }} Job */

const INTERVAL_MS = 200; // between two redraws: a chart costs some 30 ms, so four of them leave the page at its frame rate
const UNSEEN_MS = 50; // after a job that only had words to say
const SHARE = 0.2; // of the main thread at most, should the redraws be slower than that
const AHEAD = "150px"; // drawn this long before it scrolls into sight
const HAND_MS = 250; // after a movement of a hand that draws: until then it will move again
const HELD_MS = 1500; // that redraws wait for a hand, at most

/** @type {WeakMap<Document, ReturnType<typeof createScheduler>>} */
const schedulers = new WeakMap();

/**
 * The document's one scheduler.
 * @param {Document} document
 */
export function schedulerOf(document) {
  const known = schedulers.get(document);
  if (known) {
    return known;
  }
  const scheduler = createScheduler(document);
  schedulers.set(document, scheduler);
  const { dataset } = document.documentElement;
  document.defaultView?.addEventListener("beforeprint", () => {
    dataset.printing = ""; // the style sheet makes charts as wide as paper
    scheduler.drawAll();
  });
  document.defaultView?.addEventListener("afterprint", () => {
    delete dataset.printing;
    scheduler.invalidateAll();
  });
  return scheduler;
}

/**
 * Gives one job at a time its turn, the one that waited longest first, while the tab is shown. A job is told whether it is in
 * sight: if not, it has only words to keep current, which is cheap, and gets another turn when it comes into sight.
 * @param {Document} document
 */
export function createScheduler(document) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  /** @type {Map<Element, { draw: (visible: boolean) => void, visible: boolean }>} */
  const jobs = new Map();
  /** @type {Set<Element>} */
  const dirty = new Set(); // in the order in which they became dirty
  const clock = { timer: 0, free: 0, drawn: 0, hand: 0 };

  function tick() {
    const [element] = dirty;
    const job = jobs.get(element);
    if (!job || document.hidden) {
      clock.timer = 0;
      return;
    }
    const start = window.performance.now();
    if (start < Math.min(clock.hand, clock.drawn + HELD_MS)) {
      clock.timer = 0;
      wake();
      return;
    }
    dirty.delete(element);
    try {
      job.draw(job.visible);
    } finally {
      const end = window.performance.now();
      clock.free = Math.max(start + (job.visible ? INTERVAL_MS : UNSEEN_MS), end + (end - start) * (1 / SHARE - 1));
      clock.drawn = end;
      clock.timer = 0; // only now: a draw may mark its own job dirty
      wake();
    }
  }

  function wake() {
    if (clock.timer === 0 && dirty.size > 0 && !document.hidden) {
      const held = Math.min(clock.hand, clock.drawn + HELD_MS);
      clock.timer = window.setTimeout(tick, Math.max(0, Math.max(clock.free, held) - window.performance.now()));
    }
  }

  const observer = new window.IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const job = jobs.get(target);
        if (job && job.visible !== isIntersecting) {
          job.visible = isIntersecting;
          dirty.add(target);
        }
      }
      wake();
    },
    { rootMargin: AHEAD },
  );
  document.addEventListener("visibilitychange", wake);

  return {
    /** Draw every chart now, as if all were in sight: on paper they are. */
    drawAll() {
      for (const { draw } of jobs.values()) {
        draw(true);
      }
    },
    invalidateAll() {
      for (const element of jobs.keys()) {
        dirty.add(element);
      }
      wake();
    },
    /** A hand moves: whoever draws waits for what becomes of it, and charts can wait. */
    yieldToHand() {
      clock.hand = window.performance.now() + HAND_MS;
    },
    /**
     * @param {Element} element Whose being in sight counts.
     * @param {(visible: boolean) => void} draw
     * @returns {Job}
     */
    add(element, draw) {
      jobs.set(element, { draw, visible: false });
      observer.observe(element);
      return {
        invalidate() {
          if (jobs.has(element)) {
            dirty.add(element);
            wake();
          }
        },
        remove() {
          jobs.delete(element);
          dirty.delete(element);
          observer.unobserve(element);
        },
      };
    },
  };
}
