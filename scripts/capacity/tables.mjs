import { planFor, strainsOf } from "./model.mjs";

const SIZES = [1_000, 10_000, 100_000, 1_000_000];
const GIGABYTE_MB = 1_024;

/** Two digits are more than a plan is good for. */
export function shown(value) {
  if (value === 0) return "0";
  const digits = value >= 100 ? Math.max(2, Math.ceil(Math.log10(value)) - 1) : 2;
  return Number(value.toPrecision(digits)).toLocaleString("en-US", { maximumFractionDigits: 3 });
}

function markdown(rows) {
  const [head, ...body] = rows.map((row) => `| ${row.join(" | ")} |`);
  return [head, `|${rows[0].map((_, column) => (column === 0 ? "---|" : "---:|")).join("")}`, ...body].join("\n");
}

/** Size as people say it: 1 k, 1 M. */
function sizeName(users) {
  return users >= 1_000_000 ? `${users / 1_000_000} M` : `${users / 1_000} k`;
}

const LINES = [
  ["turns begun a second", ({ flows }) => shown(flows.turns)],
  ["turns open at once", ({ flows }) => shown(flows.openTurns)],
  ["tokens a second", ({ flows }) => shown(flows.tokens)],
  ["appends a second", ({ flows }) => shown(flows.appends)],
  ["edges", ({ edge }) => `${shown(edge.processes)} (${edge.binding})`],
  ["… cores, memory", ({ edge }) => `${shown(edge.cores)}, ${shown(edge.mb / GIGABYTE_MB)} GB`],
  ["agent workers", ({ worker }) => `${shown(worker.processes)} (${worker.binding})`],
  ["… cores, memory", ({ worker }) => `${shown(worker.cores)}, ${shown(worker.mb / GIGABYTE_MB)} GB`],
  ["tool workers", ({ toolWorker }) => `${shown(toolWorker.processes)} (${toolWorker.binding})`],
  ["NATS cores, all copies", ({ nats }) => shown(nats.cores)],
  ["… shards", ({ nats }) => shown(nats.shards)],
  ["… event log on disk, each copy", ({ nats }) => `${shown(nats.diskGb)} GB`],
  ["Redis cores", ({ redis }) => shown(redis.cores)],
  ["cores, all together", ({ cores }) => shown(cores)],
];

/** What each number of connected users needs; the largest also with longer flushes. */
export function planTable(model) {
  const { workload, limits } = model;
  const slower = { ...model, workload: { ...workload, flushMs: limits.longFlushMs } };
  const columns = [
    ...SIZES.map((users) => ({ name: sizeName(users), plan: planFor(users, model) })),
    { name: `${sizeName(SIZES.at(-1))}, flush ${limits.longFlushMs} ms`, plan: planFor(SIZES.at(-1), slower) },
  ];
  const head = ["connected users", ...columns.map(({ name }) => name)];
  return markdown([head, ...LINES.map(([name, read]) => [name, ...columns.map(({ plan }) => read(plan))])]);
}

/** With how many users one process, or one stream, of each kind is full. The model is linear, so any size tells. */
export function reachTable(model) {
  const [users] = SIZES.slice(-1);
  const rows = strainsOf(users, model).map(({ name, share }) => [name, shown(users / share)]);
  return markdown([["full first", "with so many connected users"], ...rows]);
}

/** Every constant, and where it is from. */
export function constantTable(list) {
  const rows = list.map(({ place, value, unit, from }) => [`\`${place}\``, `${value} ${unit}`.trim(), from]);
  return markdown([["constant", "value", "from"], ...rows]);
}
