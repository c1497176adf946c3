import { limits } from "@parley/protocol";
import { expect, it } from "vitest";
import { startWorkbench } from "./workbench.ts";

it("answers from the documents of the agent that the question is for, and says so as it goes", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker();
  const turn = await bench.ask("What is the engine power?");
  const end = await bench.ended(turn);
  const events = (await bench.events(turn)).map(({ event }) => event);
  const steps = events.flatMap((event) => (event.type === "progress" ? [event.step] : []));
  expect([...new Set(steps)]).toEqual(["agent_routing", "rag_retrieval", "generating"]);
  expect(end).toMatchObject({ type: "complete", metadata: { agent: "specs" } });
  if (end.type !== "complete") throw new Error(end.type);
  expect(end.metadata.confidence).toBeGreaterThan(0.5);
  expect(end.metadata.confidence).toBeLessThan(1);
  expect(end.metadata.context?.sources.length).toBeGreaterThan(0);
  expect(end.response).toContain("110 kW");
  // What the sources say is kept with the parts of the answer, once; its end names them.
  expect(JSON.stringify(end)).not.toContain('"passage"');
  const passages = (parts: readonly { readonly type: string }[]): unknown[] =>
    parts.flatMap((part) => (part.type === "source" && "passage" in part ? [part.passage] : []));
  const { answer } = (await bench.bus.transcripts.find(turn.conversation_id, turn.turn_id, 0)) ?? {};
  const kept = passages(answer?.parts ?? []);
  expect(kept.join()).toContain("110 kW");
  expect(kept.every((text) => Buffer.byteLength(String(text)) <= limits.passageBytes)).toBe(true);
  expect(JSON.stringify(answer?.metadata)).not.toContain('"passage"');
});

it("ends with a clear error when the message names an agent that does not exist", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker();
  const request = await bench.ask("hello", { agent: "nobody" });
  expect(await bench.ended(request)).toMatchObject({
    type: "error",
    code: "INVALID_FRAME",
    error: expect.stringContaining("nobody"),
  });
});
