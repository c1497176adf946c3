import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../setup/paths.mjs";

const file = path.join(root, "loadtest/bench/constants.json");

/** `{ value, unit, from }` becomes the value; everything else stays as it is. */
function valuesOf(entry) {
  if (typeof entry !== "object" || entry === null) return entry;
  if ("value" in entry) return entry.value;
  return Object.fromEntries(Object.entries(entry).map(([name, inner]) => [name, valuesOf(inner)]));
}

function isMeasured(entry) {
  return typeof entry === "object" && entry !== null && "value" in entry;
}

/** Every constant with the name of its place: `costs.edge.turnMs`. */
function listOf(entry, place) {
  if (isMeasured(entry)) return [{ place, ...entry }];
  return Object.entries(entry).flatMap(([name, inner]) => listOf(inner, place === "" ? name : `${place}.${name}`));
}

/** The constants of the model, as values and as a list that says where each is from. */
export function readConstants() {
  const content = JSON.parse(readFileSync(file, "utf8"));
  return { model: valuesOf(content), list: listOf(content, "") };
}
