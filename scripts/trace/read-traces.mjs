import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { root, tracesFile } from "../setup/paths.mjs";
import { SetupError } from "../setup/setup-error.mjs";

function parseLine(line) {
  try {
    return JSON.parse(line);
  } catch {
    // The last line of a process that was killed while it wrote.
    return undefined;
  }
}

function readSpans(file) {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.map(parseLine).filter((span) => typeof span?.trace_id === "string" && typeof span.span_id === "string");
}

/** Which file traces are in: that of TRACES_FILE, else the one of `npm start`. */
function fileOf(env) {
  return env.TRACES_FILE ? path.resolve(env.TRACES_FILE) : tracesFile;
}

/** All traces that are kept, oldest first: `{ id, spans, startMs }` with their spans by time. */
export function readTraces(env = process.env) {
  const file = fileOf(env);
  const spans = [...readSpans(`${file}.1`), ...readSpans(file)];
  if (spans.length === 0) {
    const where = path.relative(root, file);
    throw new SetupError(`There are no traces in ${where} yet: run \`npm start\` and send a message, then look again.`);
  }
  const byTrace = groupByTrace(spans);
  return [...byTrace]
    .map(([id, own]) => {
      const sorted = own.toSorted((one, other) => one.start_ms - other.start_ms);
      return { id, spans: sorted, startMs: sorted[0].start_ms };
    })
    .toSorted((one, other) => one.startMs - other.startMs);
}

function groupByTrace(spans) {
  const traces = new Map();
  for (const span of spans) {
    if (!traces.has(span.trace_id)) traces.set(span.trace_id, []);
    traces.get(span.trace_id).push(span);
  }
  return traces;
}
