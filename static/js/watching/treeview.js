// The tree of the model: its modules with their types and parameters, whether they train, and the sites, to be chosen.

/** @import { WatchedModule, WatchedSite } from "../types.js" */
/** @import { Known } from "./known.js" */

import { h, setText } from "../base/dom.js";
import { formatCount } from "../model/stats.js";
import { rowsOf } from "./treereading.js";
import { counted, modelAbout, rateWords, shortCount } from "./words.js";

const INDENTS = 12; // deeper ones are indented no further

/**
 * @param {HTMLElement} element
 * @param {{ isShown: (site: number) => boolean, show: (site: number, isShown: boolean) => void }} sites
 */
export function createTree(element, { isShown, show }) {
  const document = element.ownerDocument;
  const about = h(document, "p", { class: "quiet tree-about" });
  const list = h(document, "ul", { class: "tree-list" });
  const unfold = h(document, "button", { type: "button", class: "plain", hidden: true });
  const cut = h(document, "p", { class: "quiet" });
  element.append(about, list, unfold, cut);
  const now = { known: /** @type {Known | null} */ (null), isWhole: false, shape: "" };

  function draw() {
    const model = now.known?.watch.model;
    if (!model) {
      setText(about, "The model’s modules will be here.");
      return;
    }
    const { rows, folded } = rowsOf(model.tree, now.isWhole);
    setText(about, modelAbout(model));
    setText(
      cut,
      model.cut > 0 ? `${counted(model.cut, "module")} more ${model.cut === 1 ? "is" : "are"} not listed.` : "",
    );
    unfold.hidden = folded === 0;
    setText(unfold, now.isWhole ? "Only modules that drop" : `${counted(folded, "module")} without dropout`);
    const shape = JSON.stringify(rows.map(({ module }) => [module.path, module.sites]));
    const sites = new Map(model.sites.map((site) => [site.index, site]));
    if (shape !== now.shape) {
      now.shape = shape;
      list.replaceChildren(...rows.map(({ module, indent, name }) => build(module, indent, name || model.name)));
    }
    rows.forEach(({ module }, index) => {
      write(/** @type {HTMLElement} */ (list.children[index]), module, sites);
    });
  }

  /**
   * @param {WatchedModule} module
   * @param {number} indent
   * @param {string} name
   */
  function build(module, indent, name) {
    const line = h(
      document,
      "div",
      { class: "module" },
      h(document, "span", { class: "module-name", title: module.path || name }, name),
      h(document, "span", { class: "module-type" }, module.type),
      h(document, "span", { class: "module-size" }),
      h(document, "span", { class: "module-mode" }),
    );
    const buttons = module.sites.map((site) => {
      const button = h(document, "button", { type: "button", class: "chip", "data-site": site });
      button.addEventListener("click", () => show(site, !isShown(site)));
      return button;
    });
    const item = h(document, "li", {}, line, ...buttons);
    item.style.setProperty("--indent", String(Math.min(indent, INDENTS)));
    return item;
  }

  /**
   * @param {HTMLElement} item
   * @param {WatchedModule} module
   * @param {ReadonlyMap<number, WatchedSite>} sites
   */
  function write(item, { parameters, training }, sites) {
    const [, , size, mode] = /** @type {HTMLElement} */ (item.firstElementChild).children;
    setText(size, parameters > 0 ? shortCount(parameters) : "");
    size.setAttribute("title", `${formatCount(parameters)} parameters`);
    setText(mode, training ? "train" : "eval");
    mode.classList.toggle("is-eval", !training);
    for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (item.querySelectorAll("button"))) {
      const site = sites.get(Number(button.dataset.site));
      if (site) {
        setText(button, chipWords(site));
        button.setAttribute("aria-pressed", String(isShown(site.index)));
        button.setAttribute("aria-label", `Masks of ${site.name}: ${chipWords(site)}`);
        button.classList.toggle("is-unseen", !site.available);
      }
    }
  }

  unfold.addEventListener("click", () => {
    now.isWhole = !now.isWhole;
    draw();
  });

  return {
    /** @param {Known} known */
    update(known) {
      now.known = known;
      draw();
    },
    /** What is shown was chosen otherwise. */
    refresh: draw,
  };
}

/**
 * A site in its module: `p 0.5`, `(call 2) p 0.1`, `p 0.5, not available`.
 * @param {Pick<WatchedSite, "name" | "rate" | "off" | "available">} site
 */
export function chipWords({ name, rate, off, available }) {
  const [call = ""] = /\(call \d+\)$/.exec(name) ?? [];
  const now = off ? "off" : rate === null ? "" : `p ${rateWords(rate)}`;
  const told = [now, available ? "" : "not available"].filter(Boolean).join(", ") || "p not known";
  return [call, told].filter(Boolean).join(" ");
}
