import { startSystem, type System, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { person } from "./person.ts";

let system: System;

beforeAll(async () => {
  system = await startSystem({ env: { "agent-worker": { OPENAI_MODEL: "parley-simulated-fast" } } });
});
afterAll(() => system[Symbol.asyncDispose]());

it("answers a question about the cluster with a tool call, from socket to cluster and back", async () => {
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const types: string[] = [];
  chat.on("frame", ({ type }) => types.push(type));
  const { turn_id } = await chat.send("list all pods");
  const end = await chat.untilEnd(turn_id);
  expect(end).toMatchObject({ type: "complete", tool_calls: [{ tool_name: "k8s_list_pods", status: "completed" }] });
  expect(end.tool_calls[0]?.result).toContain("simulated");
  expect(shownTurn(chat.view, turn_id)?.text).toBe(end.response);
  const order = ["accepted", "message", "thinking", "progress", "tool_call_start", "tool_call_end", "complete"];
  expect(order.map((type) => types.indexOf(type))).toEqual(
    order.map((type) => types.indexOf(type)).toSorted((a, b) => a - b),
  );
  expect(types.indexOf("accepted")).toBe(0);
});

it("answers a question about the cluster whose tool worker starts a moment after it was asked", async () => {
  await using system = await startSystem({
    toolWorkers: 0,
    // A process of a busy machine takes longer to start than people would wait.
    env: { "agent-worker": { TOOLS_WAIT_MS: "30000" } },
  });
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const waits = new Promise<void>((resolve) => {
    chat.on("frame", (frame) => {
      if (frame.type === "progress" && frame.step === "tools") resolve();
    });
  });
  const { turn_id } = await chat.send("list all pods");
  await waits;
  await system.add("tool-worker");
  expect(await chat.untilEnd(turn_id)).toMatchObject({
    type: "complete",
    tool_calls: [{ tool_name: "k8s_list_pods", status: "completed" }],
  });
});

it("answers from the server that OPENAI_BASE_URL names", async () => {
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const { turn_id } = await chat.send("hello");
  expect(await chat.untilEnd(turn_id)).toMatchObject({
    type: "complete",
    metadata: { model: "parley-simulated-fast" },
  });
});
