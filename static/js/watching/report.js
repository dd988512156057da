// A watched model as one HTML file that needs nothing else: pictures as data, charts as SVG, and every sentence.

/** @import { Known } from "./known.js" */

import { h } from "../base/dom.js";
import { escaped } from "../base/html.js";
import { formatCount } from "../model/stats.js";
import { createBands, sameRate } from "./chance.js";
import { activationChart, apartChart } from "./charts/histogram.js";
import { keptChart } from "./charts/kept.js";
import { linesChart } from "./charts/lines.js";
import { votesChart } from "./charts/votes.js";
import { accuracyWords, linesOf, lossWords } from "./lossreading.js";
import { HEIGHT, paintRows, ROW, rasterWords, readColours } from "./raster.js";
import { readSite, unseenWords } from "./sitecard.js";
import { svgOf } from "./svgtext.js";
import { deviationWords, doubtWords, readVotes, voteWords } from "./votereading.js";
import { changeWords, modelAbout, samplingWords, siteAbout, standingWords, warningPlace } from "./words.js";

const WIDTH = 820; // of a picture
const WIDE = { width: WIDTH, height: 260 };
const HALF = { width: 400, height: 190 };
const RATIO = 2; // pixels of a picture for each of the page
const NOTHING = { steps: null, y: null };

/**
 * @param {Document} document Whose style sheets the charts' rules are taken from.
 * @param {Known} known
 * @param {{ date: Date, standing: import("./words.js").Standing }} when
 */
export function reportOf(document, known, { date, standing }) {
  const { watch } = known;
  const name = watch.name || watch.model?.name || "Watched model";
  const facts = [
    date.toLocaleDateString("en", { year: "numeric", month: "long", day: "numeric" }),
    watch.state ? `step ${formatCount(watch.state.step)}` : "",
    standingWords(standing),
    watch.model ? modelAbout(watch.model) : "",
  ].filter(Boolean);
  const colours = inLight(document, () => readColours(document));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<title>${escaped(name)} · Dropout Lab</title>
<style>${rulesOf(document)}${STYLE}</style>
</head>
<body>
<main>
<header>
<p class="brand">Dropout Lab · report of a watched model</p>
<h1>${escaped(name)}</h1>
<p class="facts">${escaped(facts.join(" · "))}</p>
<p>${escaped(samplingWords(watch.state, standing))}</p>
${warningsOf(known)}
</header>
${lossesOf(known)}
${sitesOf(document, known, colours)}
${votesOf(known)}
${changesOf(known)}
</main>
</body>
</html>
`;
}

/** @param {Known} known */
function warningsOf({ watch: { warnings } }) {
  const items = warnings.map((warning) => `<li>${escaped(`${warning.text} ${warningPlace(warning)}`)}</li>`);
  return items.length > 0 ? `<ul class="warned">${items.join("")}</ul>` : "";
}

/** @param {Known} known */
function lossesOf({ watch, series }) {
  const all = linesOf(watch.model?.series ?? [], series);
  const section = (/** @type {string} */ title, /** @type {string[]} */ roles, /** @type {string} */ words) => {
    const lines = all.filter(({ role }) => roles.includes(role));
    if (lines.length === 0) {
      return "";
    }
    const name = title === "Losses" ? "loss" : "accuracy";
    const chart = linesChart({ lines, changes: watch.changes, isLog: false, name, words }, WIDE, NOTHING);
    const legend = lines.map(
      (line) => `<li><i class="sign is-${line.role.replace("_", "-")}"></i>${escaped(line.name)}</li>`,
    );
    return `<section><h2>${title}</h2><ul class="legend">${legend.join("")}</ul>${svgOf(chart)}<p>${escaped(words)}</p></section>`;
  };
  return [
    section("Losses", ["train_loss", "val_loss"], lossWords(all)),
    section(
      "Accuracy",
      ["train_accuracy", "val_accuracy"],
      accuracyWords(all.filter(({ role }) => role.endsWith("accuracy"))),
    ),
  ].join("\n");
}

/**
 * @param {Document} document
 * @param {Known} known
 * @param {import("./raster.js").Colours} colours
 */
function sitesOf(document, known, colours) {
  const bands = createBands();
  return (known.watch.model?.sites ?? [])
    .map((site) => {
      const head = `<h2>${escaped(site.name)}</h2><p class="facts">${escaped(siteAbout(site))}</p>`;
      if (!site.available) {
        return `<section>${head}<p>${escaped(unseenWords(site))}</p></section>`;
      }
      const rows = known.rows.get(site.index)?.rows ?? [];
      const texts = readSite(known, site, bands);
      const summary = known.summaries.get(site.index);
      const same = sameRate(rows);
      const charts = [
        ...(same.length > 0 ? [svgOf(keptChart({ rows: same, bands, words: texts.kept }, HALF, null))] : []),
        ...(summary?.edges && summary.histogram?.some((count) => count > 0)
          ? [
              svgOf(
                activationChart({ edges: summary.edges, counts: summary.histogram, words: texts.activations }, HALF),
              ),
            ]
          : []),
      ];
      const sentences = [texts.kept, texts.units, texts.dead, texts.activations].filter(Boolean);
      return `<section>${head}${pictureOf(document, known, site, colours)}<div class="pair">${charts.join("")}</div>${sentences
        .map((text) => `<p>${escaped(text)}</p>`)
        .join("")}</section>`;
    })
    .join("\n");
}

/**
 * @param {Document} document
 * @param {Known} known
 * @param {import("../types.js").WatchedSite} site
 * @param {import("./raster.js").Colours} colours
 */
function pictureOf(document, known, site, colours) {
  const held = known.rows.get(site.index);
  const some = held?.rows.slice(-Math.floor(HEIGHT / ROW)) ?? [];
  if (!held || some.length === 0) {
    return "";
  }
  const canvas = h(document, "canvas", { width: WIDTH * RATIO, height: some.length * ROW * RATIO });
  const start = held.rows.length - some.length;
  paintRows(canvas, some, {
    ...{ units: site.units, ratio: RATIO, colours, first: held.gone + start, shift: 0 },
    before: start > 0 ? held.rows[start - 1].rate : null,
  });
  return `<img src="${canvas.toDataURL("image/png")}" width="${WIDTH}" alt="${escaped(rasterWords(site, some, site.units))}"><ul class="key"><li class="is-kept">kept</li><li class="is-dropped">dropped</li></ul>`;
}

/** @param {Known} known */
function votesOf({ votes }) {
  if (!votes) {
    return "";
  }
  const reading = readVotes(votes);
  const words = voteWords(reading);
  const chart = votesChart({ ...reading, name: reading.isClasses ? "accuracy, %" : "error", words }, WIDE);
  const apart = reading.isClasses
    ? [
        svgOf(apartChart({ ...reading.entropy, name: "entropy, nats", words: doubtWords(reading) }, HALF)),
        svgOf(
          apartChart({ ...reading.information, name: "mutual information, nats", words: doubtWords(reading) }, HALF),
        ),
      ]
    : [];
  const more = reading.isClasses ? doubtWords(reading) : deviationWords(reading.deviation);
  const [key, groups] = [
    '<ul class="key"><li class="is-member">each alone</li><li class="is-average">average of the first ones</li><li class="is-scaling">weight scaling</li></ul>',
    '<ul class="key"><li class="is-right">where the average is right</li><li class="is-wrong">where it is wrong</li></ul>',
  ];
  return `<section><h2>Sub-networks</h2>${svgOf(chart)}${key}<p>${escaped(words)}</p>${apart.length > 0 ? `<div class="pair">${apart.join("")}</div>${groups}` : ""}<p>${escaped(more)}</p></section>`;
}

/** @param {Known} known */
function changesOf({ watch: { changes, code } }) {
  if (changes.length === 0) {
    return "";
  }
  const items = changes.map(
    (change) => `<li>${escaped(`From step ${formatCount(change.step)}: ${change.name} ${changeWords(change)}`)}</li>`,
  );
  return `<section><h2>Changes</h2><ol>${items.join("")}</ol>${code.trim() === "" ? "" : `<pre>${escaped(code)}</pre>`}</section>`;
}

/**
 * What the page's style sheets say of charts, and its colours in the light theme.
 * @param {Document} document
 */
export function rulesOf(document) {
  const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
  const told = rules.flatMap((rule) => {
    const { selectorText: selector = "" } = /** @type {CSSStyleRule} */ (rule);
    return selector === ":root" || /^\.(?:chart-svg|key|sign|legend)\b/.test(selector) ? [rule.cssText] : [];
  });
  return told.join("\n").replaceAll("</", "<\\/");
}

/**
 * Read something while the page is in its light theme; nothing is painted meanwhile.
 * @template T
 * @param {Document} document
 * @param {() => T} read
 * @returns {T}
 */
function inLight(document, read) {
  const { dataset } = document.documentElement;
  const { theme } = dataset;
  dataset.theme = "light";
  try {
    return read();
  } finally {
    dataset.theme = theme;
  }
}

const STYLE = `
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 16px/1.55 var(--font); }
main { max-width: ${WIDTH + 80}px; margin: 0 auto; padding: 32px 16px 48px; }
header, section { padding: 24px; margin-bottom: 16px; background: #fff; border: 1px solid var(--line); border-radius: 8px; }
h1 { margin: 0 0 8px; font-size: 1.75rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 0 0 4px; font-size: 1.15rem; overflow-wrap: anywhere; }
p { margin: 8px 0; overflow-wrap: anywhere; }
.brand, .facts { color: var(--ink-soft); font-size: 0.875rem; }
.warned { padding: 12px 12px 12px 32px; color: var(--warn); background: var(--warn-soft); border-radius: 8px; }
img, .chart-svg { display: block; max-width: 100%; height: auto; margin: 8px 0; }
.pair { display: flex; flex-wrap: wrap; gap: 16px; }
.pair .chart-svg { width: ${HALF.width}px; }
pre { overflow-x: auto; padding: 12px; background: var(--paper); font: 0.8125rem/1.5 var(--mono); }
@media print { header, section { break-inside: avoid; } }
`;
