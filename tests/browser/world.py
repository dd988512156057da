"""A page with a store of its own, filled with runs of every kind of network and dropout, for which nobody trains."""

from __future__ import annotations

import json
from typing import Any, Final

from playwright.sync_api import Page

from trainer.settings.networks import NETWORKS
from trainer.settings.schema import schema

WORLD: Final = """async () => {
  for (const name of ["tokens", "pictures"]) {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: `/static/css/${name}.css` });
    document.head.append(link);
    await new Promise((resolve) => link.addEventListener("load", resolve));
  }
  const { createStore, emptyRecords } = await import("/static/js/state/store.js");
  const { dropouts, networks, usual } = RECORDS;
  const KINDS = dropouts.map(({ name }) => name);
  const pack = (bits) => {
    const bytes = new Uint8Array(Math.ceil(bits.length / 8));
    bits.forEach((bit, unit) => { bytes[unit >> 3] |= bit << (7 - (unit & 7)); });
    return bytes;
  };
  const tensor = (dtype, shape, data) => ({ dtype, shape, data });
  const frame = (kind, tensors, meta = {}) => ({ kind, run: "r", seq: 1, meta: { kind, ...meta }, tensors });
  const world = globalThis.world = {};
  const store = createStore({ schedule: (tell) => void setTimeout(tell) });

  /* The group of each unit: a map of a convolution, a column of a sequence; -1 where there are none. */
  const groupOf = ({ shape, tied }, unit) => shape.length === 3 ? Math.floor(unit / (shape[1] * shape[2]))
    : tied.length > 0 ? unit % shape[1] : -1;
  const pattern = (step, layer, unit) => {
    if (world.spec.lively) { /* as good as random, for the eye */
      const seed = Math.imul(step, 0x9e3779b1) ^ Math.imul(layer + 7, 0x85ebca6b) ^ Math.imul(unit + 3, 0xc2b2ae35);
      const mixed = Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d);
      return Number(((mixed ^ (mixed >>> 12)) >>> 0) % 4 !== 0);
    }
    return Number((step * 7 + layer * 5 + unit * 3 + (unit >> 2)) % 4 !== 0);
  };
  const kept = (step, layer, unit) => {
    const [rate, groupRate] = world.spec.rates[layer];
    const group = groupOf(world.layers[layer], unit);
    return Number((rate === 0 || pattern(step, layer, unit)) && (groupRate === 0 || pattern(step, layer + 3, group)));
  };
  const bitsOf = (step, layer) =>
    Array.from({ length: world.layers[layer].units }, (_, unit) => kept(step, layer, unit));
  const countOf = (step, layer) => {
    const { kind, weights } = world.spec;
    const share = bitsOf(step, layer).reduce((sum, bit) => sum + bit, 0);
    return kind === "dropconnect" && weights[layer] ? Math.round(0.75 * weights[layer]) + (step % 3) : share;
  };
  const scaleOf = ([rate, group]) =>
    dropouts.find(({ name }) => name === world.spec.kind).scaled === "training" ? 1 / ((1 - rate) * (1 - group)) : 1;

  /* Becomes a run of what `given` says. */
  const become = (given = {}) => {
    const spec = { network: "mlp", kind: "inverted", classes: ["a", "b", "c"], features: [], knobs: {}, weights: [],
      layers: usual,
      rates: [[0.125, 0], [0.25, 0], [0.25, 0]], ...given };
    const layers = structuredClone(spec.layers);
    const lane = (name, share) => ({ name, batch_norm: false, l2: 0, hidden: null, train_size: null, seed: null,
      dropout: spec.rates.map(([rate]) => share * rate), spatial_dropout: spec.rates.map(([, rate]) => share * rate),
      dropout_kind: spec.kind, schedule: "constant", schedule_steps: 250, label_smoothing: 0, input_noise: 0 });
    const config = { network: spec.network, dataset: "digits", train_size: 40, seed: 0, label_noise: 0.1,
      lanes: [lane("No dropout", 0), { ...lane("Dropout", 1), ...spec.knobs }] };
    const contrast = spec.rates.some((each) => each.some((rate) => rate > 0)) ? 0 : null;
    const run = { id: "r", contrast, dropouts, network: networks.find(({ name }) => name === spec.network),
      state: "paused", step: 0, steps_per_second: null, config, first_config: config, changes: [],
      follow: { lane: 1, example: 2 }, viewers: 1, device: "cpu", layers, classes: spec.classes,
      features: spec.features, stopped: [null, null], diverged: [null, null],
      train_size: 40, val_size: 9, batches_per_epoch: 4 };
    const inputs = layers[0].units;
    const classes = spec.classes.length;
    const value = (at) => spec.features.length > 0 ? ((at * 7) % 13) / 3 - 2 : (at % 5) / 4;
    const data = frame("data", {
      "train/x": tensor("F32", [40, inputs], Float32Array.from({ length: 40 * inputs }, (_, at) => value(at))),
      "train/y": tensor("U8", [40], Uint8Array.from({ length: 40 }, (_, at) => at % classes)),
      "train/true": tensor("U8", [40],
        Uint8Array.from({ length: 40 }, (_, at) => (at + Number(at % 10 === 4)) % classes)),
    });
    Object.assign(world, { spec, run, layers, data });
    store.update("run", { run, role: "owner", graph: null, ...emptyRecords(layers, 2) });
    store.state.graphs.clear();
    store.update("data", { data });
  };

  const activationOf = ({ name, units }, example) => {
    if (name === "input") {
      const [, inputs] = world.data.tensors["train/x"].shape;
      return world.data.tensors["train/x"].data.slice(example * inputs, (example + 1) * inputs);
    }
    const { signed } = world.run.network;
    const lively = (unit) => Math.sin(unit * 1.7 + unit * unit) * 0.9 ** (unit % 9);
    return Float32Array.from({ length: units }, (_, unit) =>
      unit % 2 === 0 && !signed ? 0 : world.spec.lively ? (signed ? lively(unit) : Math.abs(lively(unit))) : unit % 2);
  };
  const factorOf = (step, layer, unit) =>
    kept(step, layer, unit) ? 1 + ((unit * 3) % 5) / 4 : 1 - ((unit * 3 + 1) % 5) / 4 - 0.25;
  const graph = (step, { pass = "training", example = 2 } = {}) => {
    const { layers, spec } = world;
    const classes = spec.classes.length;
    const isEvaluation = pass === "evaluation";
    const rates = (layer) => (isEvaluation ? [0, 0] : spec.rates[layer]);
    const three = Float32Array.of(0.2, 0.1, 0.7);
    const chance = Float32Array.from({ length: classes }, (_, at) => (at === 2 ? 0.7 : 0.3 / (classes - 1)));
    const edges = spec.edges ?? [[0, 1, 2, 1], [1, 1, 3, -1], [2, 1, 1, 0.5]];
    const column = (at, Type) => Type.from(edges, (edge) => edge[at]);
    const tensors = { step: tensor("U32", [1], Uint32Array.of(step)), lane: tensor("U8", [1], Uint8Array.of(1)),
      example: tensor("U32", [1], Uint32Array.of(example)), label: tensor("U8", [1], Uint8Array.of(example % classes)),
      scale: tensor("F32", [layers.length], Float32Array.from(layers, (_, layer) => scaleOf(rates(layer)))),
      dropout_kind: tensor("U8", [1], Uint8Array.of(KINDS.indexOf(spec.kind))),
      probability: tensor("F32", [classes], classes === 3 ? three : chance),
      "edge/layer": tensor("U8", [edges.length], column(0, Uint8Array)),
      "edge/source": tensor("U16", [edges.length], column(1, Uint16Array)),
      "edge/target": tensor("U16", [edges.length], column(2, Uint16Array)),
      "edge/value": tensor("F32", [edges.length], column(3, Float32Array)) };
    layers.forEach((entry, layer) => {
      const { name, units } = entry;
      const all = isEvaluation ? Array(units).fill(1) : bitsOf(step, layer);
      tensors[`mask/${name}`] = tensor("U8", [Math.ceil(units / 8)], pack(all));
      tensors[`activation/${name}`] = tensor("F32", [units], activationOf(entry, example));
      tensors[`rate/${name}`] = tensor("F32", [1], Float32Array.of(rates(layer)[0]));
      tensors[`group_rate/${name}`] = tensor("F32", [1], Float32Array.of(rates(layer)[1]));
      tensors[`kept/${name}`] = tensor("U32", [1], Uint32Array.of(isEvaluation ? units : countOf(step, layer)));
      if (dropouts.find(({ name }) => name === spec.kind).counted === "factors" && rates(layer)[0] > 0) {
        const factors = Float32Array.from({ length: units }, (_, unit) => factorOf(step, layer, unit));
        tensors[`factor/${name}`] = tensor("F32", [units], factors);
      }
    });
    return frame("graph", tensors, { pass });
  };
  const log = [];
  const actions = {
    scrub: (step) => { log.push(["scrub", step]); store.update("cursor", { cursor: step }); },
    follow: async (follow) => { log.push(["follow", follow.example]);
      store.update("run", { run: { ...store.state.run, follow: { ...store.state.run.follow, ...follow } } }); },
    notify: (kind, text) => log.push([kind, text]),
  };
  const push = (step) => {
    const at = (name) => world.layers.findIndex((layer) => layer.name === name);
    store.state.steps.push(
      { step, lane: 1, example: step % 4 === 2 ? 2 : step % 40, kind: KINDS.indexOf(world.spec.kind) },
      (name) => pack(bitsOf(step, at(name))), (name) => countOf(step, at(name)), (name) => world.spec.rates[at(name)]);
  };
  const steps = (from, to) => { for (let step = from; step <= to; step += 1) push(step); store.update("steps"); };
  const show = (shown) => {
    store.state.graphs.set(shown.tensors.step.data[0], shown);
    store.update("graph", { graph: shown });
  };
  const settle = () => new Promise((resolve) => setTimeout(() => requestAnimationFrame(() => setTimeout(resolve)), 0));
  const open = async (file, id, width = 620) => {
    const section = document.createElement("section");
    section.innerHTML = `<div id="${id}" class="${id}" style="width: ${width}px"></div><p id="${id}-sentence"></p>`;
    document.body.append(section);
    const element = section.firstElementChild;
    const { create, topics } = await import(`/static/js/views/${file}.js`);
    const view = create(element, { document, store, actions });
    store.subscribe(topics, (changed) => view.update(changed));
    view.update(new Set(topics));
    await settle();
    return { element, view };
  };
  document.documentElement.dataset.theme = "light";
  store.update("theme", { theme: "light" });
  Object.assign(world, { store, actions, log, graph, kept, bitsOf, countOf, factorOf, pack, frame, tensor, steps,
    show, settle, open, become, emptyRecords });
  become();
}"""


CNN: Final[dict[str, Any]] = {
    "network": "cnn",
    "layers": [["input", [8, 8]], ["conv1", [8, 4, 4]], ["conv2", [16, 4, 4]], ["hidden1", [128]]],
    "rates": [[0, 0], [0.25, 0], [0.25, 0.25], [0.25, 0]],
    "classes": list("0123456789"),
}
LSTM: Final[dict[str, Any]] = {
    "network": "lstm",
    "layers": [["input", [8, 8]], ["recurrent", [7, 64]], ["output", [64]]],
    "rates": [[0, 0.25], [0, 0.25], [0.25, 0]],
    "classes": list("0123456789"),
    "edges": [[2, 1, 2, 1], [2, 5, 3, -1]],
}
PER_STEP: Final[dict[str, Any]] = LSTM | {"rates": [[0.25, 0], [0.25, 0], [0.25, 0]]}
TABLE: Final[dict[str, Any]] = {
    "layers": [["input", [13]], ["hidden1", [64]], ["hidden2", [64]]],
    "features": [
        *["alcohol", "malic acid", "ash", "alcalinity of ash", "magnesium", "phenols", "flavanoids"],
        *[
            "nonflavanoid phenols",
            "proanthocyanins",
            "colour intensity",
            "hue",
            "od280/od315 of diluted wines",
            "proline",
        ],
    ],
    "classes": ["Barolo", "Grignolino", "Barbera"],
}
GAUSSIAN: Final[dict[str, Any]] = {"kind": "gaussian"}
DROPCONNECT: Final[dict[str, Any]] = {"kind": "dropconnect", "weights": [16 * 24, 24 * 24, 24 * 3]}


def layers_of(network: str, places: list[list[Any]]) -> list[dict[str, Any]]:
    """The places of a network, each with its name and shape, as the run state has them."""
    counts = {family: sum(name.startswith(family) for name, _ in places) for family in ("conv", "hidden")}
    shapes = [tuple(shape) for _, shape in places]
    layers = [*NETWORKS[network].layers(shapes, [1] * counts["conv"], [1] * counts["hidden"])]
    assert [layer["name"] for layer in layers] == [name for name, _ in places]
    return layers


def with_records(script: str, *places: list[Any]) -> str:
    """A script in which ``RECORDS`` is what a page knows of kinds, and as ``usual`` the ``places`` of an MLP."""
    known = schema()
    records = {"dropouts": known["dropouts"], "networks": known["networks"], "usual": layers_of("mlp", [*places])}
    return script.replace("RECORDS", json.dumps(records))


def build(page: Page, given: dict[str, Any] | None = None) -> Page:
    """Give a page its world, with a run of two lanes: the default one, or one of what is ``given``."""
    page.evaluate(with_records(WORLD, ["input", [4, 4]], ["hidden1", [24]], ["hidden2", [24]]))
    if given is not None:
        told = {"layers": layers_of(given.get("network", "mlp"), given["layers"])} if "layers" in given else {}
        page.evaluate("(given) => world.become(given)", given | told)
    return page
