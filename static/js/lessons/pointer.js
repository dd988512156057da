// Points at the part of the page that a step of a lesson is about; the rest stands back.

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
  const current = { target: /** @type {HTMLElement | null} */ (null) };

  /**
   * @param {string} at
   * @returns {HTMLElement | null}
   */
  function find(at) {
    const selector = /** @type {Record<string, string>} */ (TARGETS)[at] ?? `[data-panel="${at}"]`;
    return at === "" ? null : document.querySelector(selector);
  }

  /** @param {string} at */
  function point(at) {
    current.target?.classList.remove("is-pointed-at");
    current.target = find(at);
    root.dataset.lessonAt = at;
    const { target } = current;
    const beside = element.parentElement;
    if (beside) {
      beside.scrollTop = 0; // the card first
    }
    if (!target) {
      return;
    }
    target.classList.add("is-pointed-at");
    const drawer = /** @type {HTMLDetailsElement | null} */ (document.querySelector("#drawer"));
    if (drawer && at === "controls") {
      drawer.open = true;
      target.scrollIntoView({ block: "nearest" });
      return;
    }
    const { top, bottom } = target.getBoundingClientRect();
    const bar = /** @type {HTMLElement | null} */ (document.querySelector("#toolbar"));
    const above = bar && window.getComputedStyle(bar).position === "sticky" ? bar.offsetHeight : 0;
    const below = isSheet(window, element) ? element.getBoundingClientRect().top : window.innerHeight;
    if (top < above || Math.min(bottom, top + 320) > below) {
      const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      window.scrollBy({ top: top - above - 12, behavior: still ? "instant" : "smooth" });
    }
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
