import { limits } from "@parley/protocol";
import { expect, it } from "vitest";
import { firstCall, startApprovalBench } from "./approval-bench.ts";
import { chunk, sendStream, startProvider, type SeenRequest } from "./model/fake-provider.ts";

function resultsIn({ body: { messages } }: SeenRequest): string[] {
  const all: Record<string, unknown>[] = Array.isArray(messages) ? messages : [];
  return all.filter(({ role }) => role === "tool").map(({ content }) => String(content));
}

/** Of two such calls a step has all the arguments that it may have. */
const large = (...names: string[]) => ({
  tool_calls: names.map((name, index) => ({
    ...{ index, id: `call_${name}_${index}` },
    function: { name, arguments: JSON.stringify({ text: "a".repeat(limits.toolArgumentsBytes - 32) }) },
  })),
});

it("P7: a turn that is too large to wait does not: the model reads why, nothing is done, and the turn ends", async () => {
  await using bench = await startApprovalBench();
  await using provider = await startProvider((res, request) => {
    const results = resultsIn(request).length;
    const text = chunk({ content: "b".repeat(limits.responseBytes - 100) });
    if (results === 0) sendStream(res, text, chunk(large("look", "look"), "tool_calls"));
    else if (results === 2) sendStream(res, chunk(large("look", "ask"), "tool_calls"));
    else sendStream(res, chunk({ content: "I did not." }, "stop"));
  });
  await bench.addApprovalWorker({
    ...{ OPENAI_BASE_URL: provider.baseURL, OPENAI_API_KEY: "k", OPENAI_MODEL: "any" },
    CONTEXT_BYTES: "2000000",
  });
  const turn = await bench.ask("change it", { agent: "general" });
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "complete" });
  expect(end.tool_calls.map(({ tool_name, status }) => [tool_name, status])).toEqual([
    ["look", "completed"],
    ["look", "completed"],
    ["look", "completed"],
    ["ask", "failed"],
  ]);
  expect(resultsIn(provider.requests.at(-1)!).at(-1)).toContain("too large to wait for a person's agreement");
  const events = await bench.eventsOf(turn);
  expect(events.filter(({ type }) => type === "waiting")).toEqual([]);
  // Whoever agrees now agrees to nothing.
  await bench.decide(turn, { call: firstCall(turn, 1, 1), approved: true });
  expect(bench.effects.has(firstCall(turn, 1, 1))).toBe(false);
});
