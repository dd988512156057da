// Points at the part of the page that a step of a lesson is about; the rest stands back.

const SETTLES_MS = 2500;
const SEEN_PX = 60; // as much of it as tells what it is
const LOOKS_MS = 400; // longer than a smooth scroll needs to get going

const TARGETS = {
  slider: "#hero .hero-rate, #hero",
  numbers: "#hero",
  transport: ".transport",
  controls: "#side",
  scrub: "#scrub",
  picker: "#picker",
  code: "[data-do=code]",
};

/**
 * @param {object} options
 * @param {Window & typeof globalThis} options.window
 * @param {HTMLElement} options.element Where the lesson itself stands.
 */
export function createPointer({ window, element }) {
  const { document } = window;
  const root = document.documentElement;
  const current = {
    target: /** @type {HTMLElement | null} */ (null),
    find: /** @type {() => HTMLElement | null} */ (() => null),
    timer: /** @type {number | undefined} */ (undefined),
    until: 0, // when what is pointed at is brought into sight no more
  };

  /**
   * @param {string} at
   * @returns {HTMLElement | null}
   */
  function find(at) {
    const selector = /** @type {Record<string, string>} */ (TARGETS)[at] ?? `[data-panel="${at}"]`;
    return at === "" ? null : document.querySelector(selector);
  }

  /**
   * @param {string} at
   * @param {string} [needs] The button beside the transport that the step needs, by what it does: a phone has room for no other.
   * @param {import("../types.js").LessonAct["set"] | null} [set] Which knobs of which network the step sets, if it is about the controls.
   */
  function point(at, needs = "", set = null) {
    current.find = () => (at === "controls" && set ? controlOf(set) : null) ?? find(at);
    root.dataset.lessonAt = at;
    root.dataset.lessonNeeds = needs;
    const beside = element.parentElement;
    if (beside) {
      beside.scrollTop = 0; // the card first
    }
    const drawer = /** @type {HTMLDetailsElement | null} */ (document.querySelector("#drawer"));
    if (drawer && at === "controls") {
      drawer.open = true;
    }
    mark();
    bring();
    point.settle();
  }

  /** Mark what is pointed at as it is now: what was marked before may have been made anew. */
  function mark() {
    const target = current.find();
    if (target !== current.target) {
      current.target?.classList.remove("is-pointed-at");
      current.target = target;
    }
    target?.classList.add("is-pointed-at");
  }

  /**
   * The control of a network's knob, in its card and its group, which are opened for it.
   * @param {{ lane?: number | null, knobs: object }} set
   * @returns {HTMLElement | null}
   */
  function controlOf({ lane = null, knobs }) {
    const [name] = Object.keys(knobs);
    if (lane === null) {
      return document.getElementById(`knob-${name}`)?.closest(".field") ?? null;
    }
    /** @type {HTMLElement | null} */
    const card = document.querySelector(`#side .card[data-place="${lane}"]`);
    /** @type {HTMLElement | null} */
    const rest = name === "patience" ? (card?.querySelector(".rest:not(.gone, [hidden])") ?? null) : null;
    if (!card || rest) {
      return rest;
    }
    for (const fold of card.querySelectorAll("details")) {
      fold.open ||= fold.matches(".card-body") || (fold.dataset.knobs ?? "").split(" ").includes(name);
    }
    return document.getElementById(`lane-${lane}-${name}`)?.closest(".field") ?? card;
  }

  /** Look again for a while: what stands above what is pointed at may change, and a panel gets its picture late. */
  point.settle = () => {
    current.until = window.performance.now() + SETTLES_MS;
    lookAgain();
  };

  /** Bring what is pointed at into sight again if nothing of it is seen: news of it has come. */
  point.again = () => {
    for (const later of [0, 1, 4]) {
      window.setTimeout(mark, later * LOOKS_MS); // other parts of the page hear of it later than the lesson
    }
    const { target } = current;
    const { top = 0, bottom = 0 } = target?.getBoundingClientRect() ?? {};
    const below = isSheet(window, element) ? element.getBoundingClientRect().top : window.innerHeight;
    if (target && (bottom < SEEN_PX || top > below - SEEN_PX)) {
      bring();
    }
  };

  /** Scroll to what is pointed at, unless it is seen already. */
  function bring() {
    const { target } = current;
    if (!target?.checkVisibility()) {
      return;
    }
    if (root.dataset.lessonAt === "controls" && !isSheet(window, element)) {
      target.scrollIntoView({ block: "nearest" }); // in the column that the controls scroll in
      return;
    }
    const { top, bottom } = target.getBoundingClientRect();
    const bar = /** @type {HTMLElement | null} */ (document.querySelector("#toolbar"));
    const above = bar && window.getComputedStyle(bar).position === "sticky" ? bar.offsetHeight : 0;
    const below = isSheet(window, element) ? element.getBoundingClientRect().top : window.innerHeight;
    const behavior = window.matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
    if (bar?.contains(target)) {
      if (top < 0) {
        window.scrollTo({ top: 0, behavior }); // of a bar that sticks, the upper row may be out of sight
      }
    } else if (top < above || Math.min(bottom, top + 320) > below) {
      window.scrollBy({ top: top - above - 12, behavior });
    }
  }

  function lookAgain() {
    window.clearTimeout(current.timer);
    current.timer = window.setTimeout(() => {
      if (window.performance.now() < current.until) {
        mark();
        bring();
        lookAgain();
      }
    }, LOOKS_MS);
  }

  for (const moved of ["wheel", "touchmove", "pointerdown", "keydown"]) {
    const stop = (/** @type {Event} */ { target }) => {
      if (!element.contains(/** @type {Node} */ (target))) {
        current.until = 0; // the learner decides what is seen
      }
    };
    window.addEventListener(moved, stop, { passive: true, capture: true });
  }

  /** What the picture that is pointed at says of itself. */
  point.words = () => {
    const panel = current.target?.closest("[data-panel]");
    const sentence = panel?.querySelector(".sentence")?.textContent?.trim() ?? "";
    return sentence || "This step is about no single picture.";
  };
  return point;
}

/**
 * Whether the lesson lies over the lower part of the page, as on a phone.
 * @param {Window} window
 * @param {HTMLElement} element
 */
function isSheet(window, element) {
  return window.getComputedStyle(element).position === "fixed";
}
