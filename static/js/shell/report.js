// A run as one HTML file that needs nothing else: Plotly is in it, and every other picture as data.

/** @import { Figure } from "../charts/figures.js" */
/** @import { Config, Knob, Run, Schema } from "../types.js" */

import { escaped } from "../base/html.js";
import { forPlotly } from "../base/markup.js";
import { withLegend } from "../charts/figures.js";
import { applies, changeWords, differs, valueIn, valueWords } from "../model/knobs.js";

const WIDTH = 860; // CSS pixels of the text, and of a figure
const HEIGHT = 420;
const MOST_CHANGES = 1000; // that are listed: nobody reads more of them

/**
 * What a report says of a panel. It has a live figure, a picture as a data address, or neither.
 * @typedef {object} Shown
 * @property {string} title
 * @property {string} about
 * @property {string} sentence
 * @property {Figure | null} figure
 * @property {string} image
 */

/**
 * All that a report says.
 * @typedef {object} Story
 * @property {string} title
 * @property {string} question
 * @property {string} guess
 * @property {string[]} seen Paragraphs.
 * @property {Run} run
 * @property {Schema} schema
 * @property {number} step
 * @property {string} version
 * @property {Date} date
 * @property {string} link Where the run can be made again.
 * @property {boolean} complete Whether the link holds all its changes.
 * @property {Shown[]} panels
 */

/**
 * @param {Story} story
 * @param {string} plotly The library's text; it is left out where no panel needs it.
 */
export function reportOf(story, plotly) {
  const { title, panels } = story;
  const figures = panels.flatMap(({ figure }) => (figure ? [figure] : []));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'">
<title>${escaped(title)} · Dropout Lab</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${headOf(story)}
${panels.map((panel) => sectionOf(panel, figures)).join("\n")}
${settingsOf(story)}
${footOf(story)}
</main>
<script type="application/json" id="figures">${inScript(JSON.stringify(figures.map(ready), asPlain))}</script>
${figures.length > 0 ? `<script>${inScript(plotly)}</script>\n<script>${DRAW}</script>` : ""}
</body>
</html>
`;
}

/** @param {Story} story */
function headOf({ title, question, guess, seen, step, run, date }) {
  const lanes = run.config.lanes.length;
  const day = date.toLocaleDateString("en", { year: "numeric", month: "long", day: "numeric" });
  const paragraphs = seen.map((text) => `<p class="seen">${escaped(text)}</p>`);
  return `<header>
<p class="brand">Dropout Lab · report of a run</p>
<h1>${escaped(title)}</h1>
${question ? `<p class="question">${escaped(question)}</p>` : ""}
<p class="facts">${escaped(`${day} · step ${step.toLocaleString("en")} · ${lanes === 1 ? "one network" : `${lanes} networks`} · seed ${run.config.seed}`)}</p>
${guess ? `<p class="guess">${escaped(guess)}</p>` : ""}
${paragraphs.length > 0 ? `<h2>Result</h2>\n${paragraphs.join("\n")}` : ""}
</header>`;
}

/**
 * @param {Shown} panel
 * @param {Figure[]} figures
 */
function sectionOf({ title, about, sentence, figure, image }, figures) {
  const live =
    figure &&
    `<div class="figure" data-figure="${figures.indexOf(figure)}" role="img" aria-label="${escaped(title)}"></div>`;
  const still = image && `<img src="${escaped(image)}" alt="${escaped(title)}">`;
  return `<section>
<h2>${escaped(title)}</h2>
<p class="about">${escaped(about)}</p>
${live || still || '<p class="none">Nothing had been drawn here yet.</p>'}
<p>${escaped(sentence)}</p>
</section>`;
}

/** @param {Story} story */
function settingsOf({ run, schema }) {
  const { config, changes } = run;
  const knobs = schema.run.filter((knob) => knob.name in config && applies(knob, config));
  const rows = knobs.map((knob) => [knob.label, `${valueWords(knob, valueIn(config, knob.name))} ${knob.unit ?? ""}`]);
  const names = config.lanes.map(({ name }) => name);
  const told = changes.slice(0, MOST_CHANGES).map(({ step, lane, knobs: set }) => [
    ...[step.toLocaleString("en"), lane === undefined || lane === null ? "all" : (names[lane] ?? String(lane))],
    Object.entries(set)
      .map(([name, value]) => setWords(lane === undefined || lane === null ? schema.run : schema.lane, name, value))
      .join("; "),
  ]);
  const more = changes.length - told.length;
  return `<section>
<h2>Settings</h2>
${table(["knob", "value"], rows)}
<h3>Networks</h3>
${lanesTable(config, schema)}
${told.length > 0 ? `<h3>Changes while it trained</h3>\n${table(["from step", "network", "change"], told)}` : ""}
${more > 0 ? `<p>And ${more.toLocaleString("en")} more, which the run’s record has: save it as JSON.</p>` : ""}
</section>`;
}

/**
 * @param {Knob[]} knobs
 * @param {string} name
 * @param {*} value
 */
function setWords(knobs, name, value) {
  const knob = knobs.find((each) => each.name === name);
  return knob ? changeWords(knob, value) : name;
}

/**
 * A row for each network, a column for each knob that one of them has otherwise than usual.
 * @param {Config} config
 * @param {Schema} schema
 */
function lanesTable(config, schema) {
  const telling = schema.lane.filter(
    (knob) =>
      knob.name === "dropout" ||
      (knob.name !== "name" && config.lanes.some((lane) => differs(valueIn(lane, knob.name), knob.default))),
  );
  const rows = config.lanes.map((lane) => [
    lane.name,
    ...telling.map((knob) => valueWords(knob, valueIn(lane, knob.name) ?? null)),
  ]);
  return table(["network", ...telling.map(({ label }) => label)], rows);
}

/**
 * @param {string[]} head
 * @param {string[][]} rows
 */
function table(head, rows) {
  const cells = (/** @type {string[]} */ row) =>
    row.map((text, at) => (at === 0 ? `<th scope="row">${escaped(text)}</th>` : `<td>${escaped(text)}</td>`));
  const heads = head.map((text) => `<th scope="col">${escaped(text)}</th>`).join("");
  return `<div class="scroll"><table><thead><tr>${heads}</tr></thead><tbody>${rows.map((row) => `<tr>${cells(row).join("")}</tr>`).join("\n")}</tbody></table></div>`;
}

/** @param {Story} story */
function footOf({ link, complete, version, date, run }) {
  const again = complete ? "The same run again" : "Without its changes, with the knobs as they were in the end";
  return `<footer>
<p>Made by Dropout Lab ${escaped(version)} on ${escaped(date.toISOString().slice(0, 16).replace("T", " "))} UTC, of run ${escaped(run.id)}.
${again}: <a href="${escaped(link)}">${escaped(link)}</a></p>
</footer>`;
}

/**
 * A figure as wide as its place, with its legend.
 * @param {Figure} figure
 */
function ready(figure) {
  const { data, layout } = forPlotly(withLegend(figure, WIDTH, HEIGHT));
  const { width, ...rest } = layout;
  return { data, layout: { ...rest, autosize: true, dragmode: "zoom" } };
}

/**
 * What JSON has no word for, in plain arrays and numbers.
 * @param {string} _
 * @param {*} value
 */
function asPlain(_, value) {
  return ArrayBuffer.isView(value) ? Array.from(/** @type {Float32Array} */ (value)) : value;
}

/**
 * A script or JSON that cannot end the element it stands in: both read `\u003c` in a text as `<`.
 * @param {string} text
 */
export function inScript(text) {
  return text.replace(/<(?=\/script|!--|script)/gi, "\\u003c");
}

const DRAW = `
const figures = JSON.parse(document.getElementById("figures").textContent);
for (const place of document.querySelectorAll("[data-figure]")) {
  const { data, layout } = figures[place.dataset.figure];
  place.style.height = layout.height + "px";
  Plotly.newPlot(place, data, layout, { responsive: true, displaylogo: false });
}
document.documentElement.dataset.drawn = "true";
`;

const STYLE = `
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; color: #1b1e23; background: #f5f5f2; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: ${WIDTH + 80}px; margin: 0 auto; padding: 32px 16px 48px; }
header, section { padding: 24px; margin-bottom: 16px; background: #fff; border: 1px solid #dddcd6; border-radius: 8px; }
h1 { margin: 0 0 8px; font-size: 1.75rem; line-height: 1.2; }
h2 { margin: 0 0 4px; font-size: 1.15rem; }
header h2 { margin-top: 20px; }
h3 { margin: 24px 0 8px; font-size: 0.95rem; }
p { margin: 8px 0; overflow-wrap: anywhere; }
.brand, .facts, .about, .none, footer { color: #575d66; font-size: 0.875rem; }
.brand { margin: 0 0 12px; font-weight: 600; }
.question { font-size: 1.1rem; }
.guess { padding-left: 12px; border-left: 4px solid #0b5c9c; }
.none { padding: 24px; text-align: center; border: 1px dashed #dddcd6; border-radius: 8px; }
img { display: block; max-width: 100%; margin: 8px auto; }
.figure { width: 100%; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.875rem; }
th, td { padding: 4px 16px 4px 0; text-align: left; vertical-align: top; border-bottom: 1px solid #dddcd6; }
th { font-weight: 600; }
tbody th { font-weight: 400; }
a { color: #0b5c9c; overflow-wrap: anywhere; }
footer { padding: 0 24px; }
@media print {
  body { background: #fff; }
  main { padding: 0; }
  header, section { padding: 0 0 12px; border: 0; break-inside: avoid; }
  .modebar-container { display: none; }
}
`;
