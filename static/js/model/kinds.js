// The records of the kinds of dropout and of network, as the schema has them (docs/protocol.md): nothing else knows a kind by name.

/** @import { Config, Dropout, NetworkKind, Place, Run, Schema } from "../types.js" */

/**
 * The kind of dropout that a frame names by its place in the schema.
 * @param {Pick<Run, "dropouts">} run
 * @param {number} place
 * @returns {Dropout}
 */
export function dropoutAt({ dropouts }, place) {
  return dropouts[place] ?? dropouts[0];
}

/**
 * The kind of a lane's dropout.
 * @param {Pick<Run, "config" | "dropouts">} run
 * @param {number} lane
 * @returns {Dropout}
 */
export function dropoutOf({ config, dropouts }, lane) {
  const name = config.lanes[lane]?.dropout_kind;
  return dropouts.find((each) => each.name === name) ?? dropouts[0];
}

/**
 * @param {Pick<Schema, "networks">} schema
 * @param {string} name
 * @returns {NetworkKind}
 */
export function networkNamed({ networks }, name) {
  return networks.find((each) => each.name === name) ?? networks[0];
}

/**
 * The first kind of network that can learn from a data set.
 * @param {Pick<Schema, "networks" | "recommended">} schema
 * @param {string} dataset
 */
export function networkFor({ networks, recommended }, dataset) {
  return networks.find(({ name }) => recommended[name]?.[dataset])?.name ?? networks[0].name;
}

/**
 * The places where the networks of a configuration can drop, in forward order.
 * @param {Pick<Schema, "networks">} schema
 * @param {Pick<Config, "network" | "channels" | "hidden">} config
 * @returns {Place[]}
 */
export function placesOf(schema, config) {
  return networkNamed(schema, config.network).places.flatMap((family) =>
    family.each === ""
      ? [{ ...family, name: family.family }]
      : config[family.each].map((_, at) => ({ ...family, name: `${family.family}${at + 1}` })),
  );
}

/**
 * The places that the large slider moves: of the last family that has a slider in sight.
 * @param {Pick<Schema, "networks">} schema
 * @param {Pick<Config, "network" | "channels" | "hidden">} config
 * @returns {{ family: string, together: string, indices: number[] }}
 */
export function mainPlaces(schema, config) {
  const places = placesOf(schema, config);
  const { family, together } = places.filter(({ aside }) => !aside).at(-1) ?? places[places.length - 1];
  return { family, together, indices: places.flatMap((place, index) => (place.family === family ? [index] : [])) };
}

/**
 * Those of them whose whole groups have rates of their own.
 * @param {Pick<Schema, "networks">} schema
 * @param {Pick<Config, "network" | "channels" | "hidden">} config
 */
export function groupedPlaces(schema, config) {
  const { groups_of: grouped } = networkNamed(schema, config.network);
  return placesOf(schema, config).filter(({ family }) => family === grouped);
}
