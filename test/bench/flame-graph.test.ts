import { expect, it } from "vitest";
import { flameGraph } from "../../loadtest/bench/measure/flame-graph.ts";

const node = (id: number, functionName: string, url = "", children: number[] = []) => ({
  id,
  callFrame: { functionName, url },
  children,
});

const profile = {
  nodes: [
    node(1, "(root)", "", [2, 3]),
    node(2, "(idle)"),
    node(3, "run", "file:///app/services/agent-worker/dist/turn.js", [4, 5]),
    node(4, "send", "file:///app/node_modules/@nats-io/nats-core/lib/protocol.js"),
    node(5, "a<b>", "node:net"),
  ],
  samples: [2, 3, 4, 5],
  timeDeltas: [900_000, 250_000, 500_000, 250_000],
};

it("draws each function as wide as its share of the time in which the process did not wait", () => {
  const svg = flameGraph(profile, "A & B");
  expect(svg).toContain("A &amp; B: 1.0 s of processor time");
  expect(svg).toContain("<title>run (parley): 100.0 %</title>");
  expect(svg).toContain("<title>send (nats client): 50.0 %</title>");
  expect(svg).toContain("<title>a&lt;b&gt; (node): 25.0 %</title>");
  expect(svg).not.toContain("idle");
});

it("leaves out what is too narrow to be seen", () => {
  const narrow = { ...profile, timeDeltas: [0, 1_000_000, 1_000, 1_000] };
  expect(flameGraph(narrow, "narrow")).not.toContain("send");
});
