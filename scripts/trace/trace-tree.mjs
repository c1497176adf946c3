import { clockTime, duration, lengthMs, turnOf } from "./turn-list.mjs";

const CLOCK_WIDTH = 9;
const SERVICE_WIDTH = 12;
/** Said once, above the tree. */
const inHeader = new Set(["parley.turn.id", "gen_ai.conversation.id"]);

/** A span that others name as their parent, but that was never written. */
function lostSpan(id, children) {
  const service = children[0].service;
  return { span_id: id, name: "(never ended: its process was lost, or it still runs)", service, isLost: true };
}

/** The spans as nodes by id, each with its children; missing parents stand in as lost spans. */
function nodesOf(spans) {
  const nodes = new Map(spans.map((span) => [span.span_id, { span, children: [] }]));
  for (const span of spans) {
    const { parent_id: parent } = span;
    // The caller's own span, from a `traceparent` header, is not ours to have.
    if (parent === undefined || span.service === "parley-edge") continue;
    if (!nodes.has(parent)) nodes.set(parent, { span: lostSpan(parent, [span]), children: [] });
    nodes.get(parent).children.push(nodes.get(span.span_id));
  }
  return nodes;
}

/** A lost span was begun before its first child, and belongs to what begins the trace. */
function rootsOf(nodes) {
  const children = new Set([...nodes.values()].flatMap((node) => node.children));
  const tops = [...nodes.values()].filter((node) => !children.has(node));
  const root = tops.find(({ span }) => !span.isLost);
  if (root === undefined) return tops;
  const lost = tops.filter(({ span }) => span.isLost);
  root.children = [...lost, ...root.children].toSorted((one, other) => startOf(one) - startOf(other));
  return tops.filter(({ span }) => !span.isLost);
}

function startOf({ span, children }) {
  return span.start_ms ?? Math.min(...children.map(startOf));
}

function showValue(value) {
  return typeof value === "string" && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value);
}

function detailsOf({ attributes = {}, links = [], events = [], start_ms: startMs }, nodes) {
  const shown = Object.entries(attributes).filter(([name]) => !inHeader.has(name));
  const linked = links.map(({ span_id }) => {
    const target = nodes.get(span_id)?.span;
    const which = target?.isLost ? "the attempt that never ended" : (target?.name ?? "a span that is not here");
    return `links to ${span_id} (${which})`;
  });
  return [
    ...shown.map(([name, value]) => `${name}=${showValue(value)}`),
    ...linked,
    ...events.map((event) => {
      const more = Object.entries(event.attributes ?? {}).map(([name, value]) => ` ${name}=${showValue(value)}`);
      return `+${duration(event.at_ms - startMs)} ${event.name}${more.join("")}`;
    }),
  ];
}

function linesOf(node, { zeroMs, nodes, depth }) {
  const { span, children } = node;
  const begins = `+${duration(startOf(node) - zeroMs)}`.padStart(CLOCK_WIDTH);
  const took = (span.isLost ? "?" : duration(span.duration_ms)).padStart(CLOCK_WIDTH);
  const service = (span.service ?? "").replace(/^parley-/, "").padEnd(SERVICE_WIDTH);
  const indent = "  ".repeat(depth);
  const margin = " ".repeat(CLOCK_WIDTH * 2 + SERVICE_WIDTH + 8);
  return [
    `${begins}  ${took}  ${service}  ${indent}${span.name}${span.failed ? "  FAILED" : ""}`,
    ...detailsOf(span, nodes).map((detail) => `${margin}${indent}${detail}`),
    ...children.flatMap((child) => linesOf(child, { zeroMs, nodes, depth: depth + 1 })),
  ];
}

/** One trace as lines of text: when each span began, how long it took, where, and what is known of it. */
export function treeOf(trace) {
  const nodes = nodesOf(trace.spans);
  const conversation = trace.spans.find(({ attributes }) => attributes?.["gen_ai.conversation.id"] !== undefined);
  return [
    `trace ${trace.id}`,
    `turn ${turnOf(trace) ?? "-"}, conversation ${conversation?.attributes["gen_ai.conversation.id"] ?? "-"}`,
    `from ${clockTime(trace.startMs)} UTC, ${duration(lengthMs(trace))}`,
    "",
    ...rootsOf(nodes).flatMap((node) => linesOf(node, { zeroMs: trace.startMs, nodes, depth: 0 })),
  ];
}
