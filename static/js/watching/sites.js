// The sites that are shown, a card for each, and the others, each one click away.

/** @import { WatchedSite } from "../types.js" */
/** @import { Known } from "./known.js" */
/** @import { Say } from "./sitecard.js" */

import { find, h, setText } from "../base/dom.js";
import { createSiteCard } from "./sitecard.js";
import { FIRST_SITES, firstSites } from "./treereading.js";
import { counted } from "./words.js";

/**
 * @param {HTMLElement} element
 * @param {{ say: Say, onTrouble: (text: string) => void, onChoice: () => void }} options `onChoice`: others are shown now.
 */
export function createSites(element, { say, onTrouble, onChoice }) {
  const document = element.ownerDocument;
  const list = find(element, ".site-list");
  const more = find(element, ".more-sites");
  const all = /** @type {HTMLButtonElement} */ (find(element, "[data-do=all]"));
  const few = /** @type {HTMLButtonElement} */ (find(element, "[data-do=few]"));
  /** @type {Map<number, ReturnType<typeof createSiteCard>>} */
  const cards = new Map();
  const now = {
    known: /** @type {Known | null} */ (null),
    chosen: /** @type {Set<number> | null} */ (null), // `null`: nobody chose, and the first few are shown
    offered: "",
    isLive: false,
  };

  const sitesOf = () => now.known?.watch.model?.sites ?? [];
  const shown = () => now.chosen ?? new Set(firstSites(sitesOf()));

  /**
   * @param {Iterable<number>} sites
   */
  function choose(sites) {
    now.chosen = new Set(sites);
    draw();
    onChoice();
  }

  /**
   * @param {number} site
   * @param {boolean} isShown
   */
  function show(site, isShown) {
    const others = [...shown()].filter((each) => each !== site);
    choose(isShown ? [...others, site] : others);
    if (isShown) {
      const card = cards.get(site);
      card?.element.scrollIntoView({ block: "nearest" });
      card?.title.focus({ preventScroll: true });
    } else {
      find(element, "h2").focus({ preventScroll: true });
    }
  }

  function draw() {
    const { known } = now;
    if (!known) {
      return;
    }
    const sites = sitesOf();
    const visible = shown();
    const drawn = sites.filter(({ index }) => visible.has(index));
    for (const [index, card] of cards) {
      if (!drawn.some((site) => site.index === index)) {
        cards.delete(index);
        card.destroy();
        card.element.remove();
      }
    }
    let next = list.firstElementChild;
    for (const site of drawn) {
      const card =
        cards.get(site.index) ??
        createSiteCard(document, site, {
          ...{ say, onTrouble, onClose: () => show(site.index, false) },
        });
      cards.set(site.index, card);
      if (card.element === next) {
        next = next.nextElementSibling;
      } else {
        list.insertBefore(card.element, next);
      }
      card.update(known, site, now.isLive);
    }
    const rest = sites.filter(({ index }) => !visible.has(index));
    find(element, "[data-show=no-sites]").hidden = drawn.length > 0;
    setText(find(element, "[data-show=no-sites]"), emptyWords(known, sites.length));
    setText(find(element, "[data-show=sites]"), sites.length === 0 ? "" : shownWords(drawn.length, sites.length));
    all.hidden = rest.length === 0;
    few.hidden = drawn.length <= FIRST_SITES;
    offer(rest);
  }

  /** @param {readonly WatchedSite[]} rest */
  function offer(rest) {
    const said = JSON.stringify(rest.map(({ index, name, available }) => [index, name, available]));
    more.hidden = rest.length === 0;
    if (said === now.offered) {
      return;
    }
    now.offered = said;
    more.replaceChildren(
      h(document, "p", { class: "quiet" }, `${counted(rest.length, "more")}:`.replace("mores", "more")),
      ...rest.map(({ index, name, available }) => {
        const button = h(
          document,
          "button",
          { type: "button", class: available ? "chip" : "chip is-unseen" },
          available ? name : `${name} (not available)`,
        );
        button.addEventListener("click", () => show(index, true));
        return button;
      }),
    );
  }

  all.addEventListener("click", () => choose(sitesOf().map(({ index }) => index)));
  few.addEventListener("click", () => choose(firstSites(sitesOf())));

  return {
    show,
    /** @param {number} site */
    isShown: (site) => shown().has(site),
    /**
     * @param {Known} known
     * @param {boolean} isLive Whether its training process hears what is said here.
     */
    update(known, isLive) {
      Object.assign(now, { known, isLive });
      draw();
    },
    recolour() {
      for (const card of cards.values()) {
        card.recolour();
      }
    },
  };
}

/**
 * @param {number} shown
 * @param {number} all
 */
export const shownWords = (shown, all) =>
  shown === all
    ? `${counted(all, "place")} in the model ${all === 1 ? "drops" : "drop"}.`
    : `${shown} of ${counted(all, "place")} that drop.`;

/**
 * @param {Known} known
 * @param {number} sites
 */
function emptyWords({ watch }, sites) {
  if (sites > 0) {
    return "No place is chosen: choose one in the model, or below.";
  }
  return watch.model
    ? "Nothing that drops has been found in the model. Functional dropout is found in its first forward pass in training mode."
    : "The masks of the model will be here, once it has made its first forward pass in training mode.";
}
