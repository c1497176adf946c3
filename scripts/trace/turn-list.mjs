import { table } from "../setup/progress.mjs";
import { SetupError } from "../setup/setup-error.mjs";

const SHOWN_TURNS = 20;
const SHORTEST_PREFIX = 6;

function attributeOf({ spans }, name) {
  return spans.findLast((span) => span.attributes?.[name] !== undefined)?.attributes[name];
}

export function turnOf(trace) {
  return attributeOf(trace, "parley.turn.id");
}

export function clockTime(ms) {
  return new Date(ms).toISOString().slice(11, 23);
}

export function duration(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

/** From the first span's start to the last one's end. */
export function lengthMs({ spans, startMs }) {
  return spans.reduce((longest, { start_ms, duration_ms }) => Math.max(longest, start_ms + duration_ms - startMs), 0);
}

function outcomeOf(trace) {
  const code = attributeOf(trace, "parley.error.code");
  return `${attributeOf(trace, "parley.turn.outcome") ?? "not seen to end"}${code === undefined ? "" : ` ${code}`}`;
}

function row(trace) {
  const count = (start) => trace.spans.filter(({ name }) => name.startsWith(start)).length;
  return [
    clockTime(trace.startMs),
    turnOf(trace) ?? "-",
    outcomeOf(trace),
    duration(lengthMs(trace)),
    count("chat "),
    count("execute_tool "),
    attributeOf(trace, "parley.turn.attempt") ?? "-",
    trace.id,
  ];
}

/** The last turns as a table, the newest last, as a person reads a terminal. */
export function listTurns(traces) {
  const rows = traces.slice(-SHOWN_TURNS).map(row);
  return [
    ...table([["time (UTC)", "turn", "outcome", "took", "model calls", "tools", "attempts", "trace"], ...rows]),
    "",
    "  npm run trace -- last, or the id of a turn or trace, shows one of them.",
  ];
}

/** The trace that is meant by `last`, or by (the beginning of) a turn id or trace id. Throws a SetupError. */
export function findTrace(traces, wanted) {
  if (wanted === "last") return traces.at(-1);
  const isMeant = (id) => id === wanted || (wanted.length >= SHORTEST_PREFIX && id?.startsWith(wanted));
  const found = traces.filter((trace) => isMeant(trace.id) || isMeant(turnOf(trace)));
  // A message that was sent again has a trace of its own; the turn itself is in the longest.
  const longest = found.toSorted((one, other) => other.spans.length - one.spans.length)[0];
  if (longest !== undefined) return longest;
  throw new SetupError(`No turn or trace "${wanted}" is kept: \`npm run trace\` lists the last ones.`);
}
