import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { readConstants } from "./capacity/constants.mjs";
import { planFor, strainsOf } from "./capacity/model.mjs";
import { constantTable, planTable, shown, reachTable } from "./capacity/tables.mjs";
import { root } from "./setup/paths.mjs";
import { say, table } from "./setup/progress.mjs";
import { giveHelp } from "./setup/usage.mjs";

const page = path.join(root, "docs", "scaling.md");
const BEGIN = "<!-- begin: node scripts/capacity.mjs -->";
const END = "<!-- end -->";

/** What may be tried: each is one number of the workload. */
const WISHES = ["secondsBetweenMessages", "tokensPerAnswer", "tokensPerSecond", "toolCallsPerTurn", "flushMs"];

const kebab = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const usage = `Usage: node scripts/capacity.mjs [--users N] [--write]

  What so many people need, from the measured constants of docs/scaling.md; --write puts the tables there.
  Other numbers of the workload: ${WISHES.map((name) => `--${kebab(name)} N`).join(", ")}`;

function readOptions(args) {
  const wishes = Object.fromEntries(WISHES.map((name) => [kebab(name), { type: "string" }]));
  const { values } = parseArgs({
    args,
    options: { write: { type: "boolean", default: false }, users: { type: "string" }, ...wishes },
  });
  const numbers = Object.entries(values).filter(([name]) => name !== "write");
  for (const [name, text] of numbers) {
    if (!(Number(text) > 0) && !(name === "tool-calls-per-turn" && Number(text) === 0)) {
      throw new Error(`--${name} must be a number above 0.`);
    }
  }
  return values;
}

function withWishes(model, values) {
  const wished = WISHES.filter((name) => values[kebab(name)] !== undefined);
  const workload = {
    ...model.workload,
    ...Object.fromEntries(wished.map((name) => [name, Number(values[kebab(name)])])),
  };
  return { ...model, workload };
}

/** All that the page shows. */
function tables({ model, list }) {
  return [constantTable(list), planTable(model), reachTable(model)].join("\n\n");
}

function write(text) {
  const before = readFileSync(page, "utf8");
  const [start, end] = [before.indexOf(BEGIN), before.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`${page} has no place for the tables.`);
  writeFileSync(page, `${before.slice(0, start + BEGIN.length)}\n\n${text}\n\n${before.slice(end)}`);
}

function sayPlan(users, model) {
  const { flows, edge, worker, toolWorker, nats, redis, cores } = planFor(users, model);
  const rows = [
    ["part", "processes", "cores", "short of first"],
    ["edge", edge.processes, shown(edge.cores), edge.binding],
    ["agent worker", worker.processes, shown(worker.cores), worker.binding],
    ["tool worker", toolWorker.processes, shown(toolWorker.cores), toolWorker.binding],
    ["NATS", `${nats.shards} shards`, shown(nats.cores), ""],
    ["Redis", 1, shown(redis.cores), ""],
    ["all", "", shown(cores), ""],
  ];
  say(
    `${users} users: ${shown(flows.turns)} turns/s, ${shown(flows.openTurns)} open, ${shown(flows.appends)} appends/s`,
  );
  for (const line of table(rows)) say(line);
  say("this would fill so many processes or streams of each kind:");
  for (const { name, share } of strainsOf(users, model)) say(`  ${shown(share).padStart(8)}  ${name}`);
}

function main(args) {
  const values = readOptions(args);
  const { model, list } = readConstants();
  if (values.users !== undefined) return sayPlan(Number(values.users), withWishes(model, values));
  const text = tables({ model: withWishes(model, values), list });
  if (values.write) return write(text);
  return say(text);
}

giveHelp(process.argv.slice(2), usage);
try {
  main(process.argv.slice(2));
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}
