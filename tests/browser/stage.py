"""A chart alone on a page: a run of digits whose frames are those of the test."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from tests.browser.static import PLOTLY
from tests.browser.world import with_records

NAN = "NaN"  # JSON has none: the page turns it into a number
REVIVE = """const revive = (value) => value === "NaN" ? Number.NaN : Array.isArray(value) ? value.map(revive)
  : value === null || typeof value !== "object" ? value
  : Object.fromEntries(Object.entries(value).map(([key, each]) => [key, revive(each)]));"""
CALL = f"""async ([module, name, given]) => {{
  {REVIVE}
  return (await import(`/static/js/${{module}}.js`))[name](...given.map(revive));
}}"""
STAGE = """async ([view, lanes, role, ensemble, url]) => {
  const { createStore, emptyRecords } = await import("/static/js/state/store.js");
  document.body.dataset.plotlyUrl = url;
  for (const sheet of ["tokens", "base", "charts", "ensembles"]) {
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href: `/static/css/${sheet}.css` });
    document.head.append(link);
  }
  document.body.innerHTML =
    `<section style="width: 460px"><div id="${view}"></div><p id="${view}-sentence"></p></section>`;
  const { dropouts, networks: [network], usual: layers } = RECORDS;
  const config = { lanes, train_size: 300, label_noise: 0.2, seed: 0 };
  const run = { id: "r", step: 0, config, first_config: config, changes: [], layers, dropouts, network, contrast: null,
                stopped: lanes.map(() => null),
                follow: { lane: 0, example: 0 }, classes: [..."0123456789"], train_size: 300, val_size: 800, ensemble };
  const store = createStore();
  const asked = [];
  const actions = { ensemble: async (wanted) => { asked.push(wanted); return window.stage.refuse ? null : 1; } };
  const module = await import(`/static/js/views/${view}.js`);
  const made = module.create(document.getElementById(view), { document, store, actions });
  store.subscribe(module.topics, (changed) => made.update(changed));
  window.stage = { store, view: made, asked, refuse: false };
  store.update("run", { run, role, ...emptyRecords(layers, lanes.length) });
}"""
FEED = f"""([kind, frames]) => {{
  {REVIVE}
  const {{ store }} = window.stage;
  const decoded = frames.map((tensors, seq) => ({{ kind, run: "r", seq, meta: {{}}, tensors: Object.fromEntries(
    Object.entries(tensors).map(([name, [shape, values]]) =>
      [name, {{ dtype: "F32", shape, data: Float32Array.from(revive(values)) }}])) }}));
  if (kind === "ensemble") store.update("ensemble", {{ ensemble: decoded.at(-1) }});
  else store.update("insights", {{ insights: {{ [kind]: decoded.at(-1) }}, trails: {{ [kind]: decoded }} }});
}}"""
TRACES = """view => (document.querySelector(`#${view} .chart-picture`).data ?? []).map(
  ({ name, x, y, yaxis, line }) => ({ name, x, y, below: yaxis === "y2", dash: line?.dash }))"""


def lane(name: str, *rates: float, **knobs: Any) -> dict[str, Any]:
    return {"name": name, "dropout": list(rates or (0, 0)), "batch_norm": False, "train_size": None, **knobs}


def play(page: Page, view: str, lanes: list[dict[str, Any]], role: str = "owner", **ensemble: Any) -> Page:
    given = [view, lanes, role, {"members": 64, "masks": "per_member"} | ensemble, PLOTLY]
    page.evaluate(with_records(STAGE, ["input", [8, 8]], ["hidden1", [128]]), given)
    return page


def feed(page: Page, kind: str, *frames: dict[str, Any]) -> None:
    page.evaluate(FEED, [kind, list(frames)])


def traces(page: Page, view: str, least: int = 1) -> list[dict[str, Any]]:
    """What Plotly was given, once there are so many lines."""
    page.wait_for_function(
        "([view, least]) => (document.querySelector(`#${view} .chart-picture`).data ?? []).length >= least",
        arg=[view, least],
    )
    found: list[dict[str, Any]] = page.evaluate(TRACES, view)
    return found


def table(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("() => window.stage.view.table()")
    return found


def call(page: Page, module: str, name: str, *given: Any) -> Any:
    """What a function of a module answers."""
    return page.evaluate(CALL, [module, name, list(given)])
