// Makes of the page's many files a handful: esbuild joins and shrinks them, and each is compressed for good.
// Started by scripts/bundle.py, which tells it as JSON on its standard input what goes where.

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

/**
 * @typedef {object} Order
 * @property {string} source Where the single files are.
 * @property {string} out Where the bundle goes.
 * @property {string} sources What changes whenever a single file does.
 * @property {string[]} first Panels whose views belong to the first file.
 * @property {string[]} panels All panels.
 * @property {string[]} sheets Style sheets, in their order.
 * @property {string[]} head Scripts that run before the first paint; of a room's page the first alone.
 * @property {Record<string, string[]>} rooms The pages of rooms, each with its style sheets.
 */

const TARGET = ["chrome112", "edge112", "firefox121", "safari16.5"]; // as README says
const SMALLEST = 1024; // bytes: less is not worth compressing

/** @type {Order} */
const order = JSON.parse(await text(process.stdin));
const script = (/** @type {string} */ name) => join(order.source, "js", `${name}.js`);
const common = { bundle: true, minify: true, write: false, legalComments: "none", logLevel: "warning", target: TARGET };

/** In the place of views/index.js: the first views are in the same file, the others in one that comes later. */
const views = {
  name: "views",
  setup(/** @type {*} */ { onLoad, onResolve }) {
    const folder = join(order.source, "js", "views");
    const list = (/** @type {string[]} */ panels) =>
      [
        ...panels.map((panel, index) => `import * as view${index} from "./${panel}.js";`),
        `export const VIEWS = { ${panels.map((panel, index) => `"${panel}": view${index}`).join(", ")} };`,
      ].join("\n");
    const later = order.panels.filter((panel) => !order.first.includes(panel));
    onLoad({ filter: /[\\/]views[\\/]index\.js$/ }, () => ({
      contents: `${list(order.first)}
        export async function moduleOf(panel) {
          return VIEWS[panel] ?? (await import("views:later")).VIEWS[panel];
        }`,
      resolveDir: folder,
    }));
    onResolve({ filter: /^views:later$/ }, () => ({ path: "later", namespace: "views" }));
    onLoad({ filter: /.*/, namespace: "views" }, () => ({ contents: list(later), resolveDir: folder }));
  },
};

/** What leads through a lesson is a file of its own: shared, it would part the first file into many. */
const coach = {
  name: "coach",
  setup(/** @type {*} */ { onResolve }) {
    onResolve({ filter: /lessons[\\/]coach\.js$/ }, (/** @type {*} */ { kind }) =>
      kind === "dynamic-import" ? { path: "./coach.js", external: true } : null,
    );
  },
};

const modules = await build({
  ...common,
  entryPoints: [script("main")],
  format: "esm",
  splitting: true,
  metafile: true,
  outdir: order.out,
  chunkNames: "[name]-[hash]",
  plugins: [views, coach],
});
const worker = await build({
  ...common,
  entryPoints: [script("paint/network-worker")],
  format: "esm",
  outdir: order.out,
});
const lesson = await build({ ...common, entryPoints: [script("lessons/coach")], format: "esm", outdir: order.out });
const runs = await build({ ...common, entryPoints: [script("runs")], format: "esm", outdir: order.out });
const glossary = await build({ ...common, entryPoints: [script("glossary")], format: "esm", outdir: order.out });
const start = await build({ ...common, target: "es5", entryPoints: [script("boot/start-boot")], outdir: order.out });
/** Scripts that run before the first paint, as one. @type {(names: string[], name: string) => *} */
const firstOf = (names, name) =>
  build({
    ...common,
    stdin: {
      contents: names.map((each) => `import "./${each}.js";`).join("\n"),
      resolveDir: join(order.source, "js", "boot"),
    },
    format: "iife",
    outfile: join(order.out, `${name}.js`),
  });
/** Style sheets as one. @type {(sheets: string[], name: string) => *} */
const sheetOf = (sheets, name) =>
  build({
    ...common,
    stdin: {
      contents: sheets.map((each) => `@import "./${each}.css";`).join("\n"),
      resolveDir: join(order.source, "css"),
      loader: "css",
    },
    outfile: join(order.out, `${name}.css`),
  });
const head = await firstOf(order.head, "head");
const styles = await sheetOf(order.sheets, "page");
const roomHead = await firstOf(order.head.slice(0, 1), "room-head");
const rooms = [];
for (const [name, sheets] of Object.entries(order.rooms)) {
  rooms.push(await build({ ...common, entryPoints: [script(name)], format: "esm", outdir: order.out }));
  rooms.push(await sheetOf(sheets, `room-${name}`));
}

/** @type {Map<string, Uint8Array>} */
const files = new Map();
for (const { path, contents } of [
  modules,
  worker,
  lesson,
  runs,
  glossary,
  start,
  head,
  styles,
  roomHead,
  ...rooms,
].flatMap(({ outputFiles }) => outputFiles)) {
  files.set(basename(path), contents);
}
files.set("favicon.svg", readFileSync(join(order.source, "img", "favicon.svg")));
files.set("plotly.js", readFileSync(new URL(import.meta.resolve("plotly.js-basic-dist-min"))));

const outputs = modules.metafile.outputs;
const main = Object.keys(outputs).find((path) => outputs[path].entryPoint?.endsWith("main.js")) ?? "";
const reached = (/** @type {string} */ path, /** @type {string} */ kind) =>
  outputs[path].imports.filter((each) => each.kind === kind && !each.external).map((each) => each.path);
/** What a file imports before it runs, and what these do. @type {(path: string) => string[]} */
const needed = (path) => reached(path, "import-statement").flatMap((each) => [each, ...needed(each)]);
const preloads = new Set(needed(main));
const later = reached(main, "dynamic-import")
  .flatMap((each) => [each, ...needed(each)])
  .filter((each) => !preloads.has(each));

const hash = createHash("sha256");
for (const [name, contents] of files) {
  hash.update(`${name}\0`).update(contents);
}
const version = hash.digest("hex").slice(0, 16);
const folder = join(order.out, version);
for (const old of readdirSync(order.out)) {
  rmSync(join(order.out, old), { recursive: true });
}
mkdirSync(folder);
for (const [name, contents] of files) {
  writeFileSync(join(folder, name), contents);
  if (contents.length >= SMALLEST) {
    const size = { [constants.BROTLI_PARAM_SIZE_HINT]: contents.length };
    writeFileSync(join(folder, `${name}.br`), brotliCompressSync(contents, { params: size })); // of the highest quality
    writeFileSync(join(folder, `${name}.gz`), gzipSync(contents, { level: 9 }));
  }
}
const told = {
  sources: order.sources,
  version,
  files: [...files.keys()],
  start: "start-boot.js",
  head: "head.js",
  styles: "page.css",
  main: basename(main),
  runs: "runs.js",
  glossary: "glossary.js",
  room_head: "room-head.js",
  preloads: [...preloads].map((path) => basename(path)),
  later: [...new Set(later)].map((path) => basename(path)),
  lesson: ["coach.js"],
  plotly: "plotly.js",
  icon: "favicon.svg",
};
writeFileSync(join(order.out, "manifest.json"), `${JSON.stringify(told, null, 2)}\n`); // last: now it is whole
