import { limits } from "@parley/protocol";
import { eventually, startSystem, type System, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Client } from "@parley/client";
import { startModelStub, type Asked, type ModelStub, type Said } from "./model-stub.ts";
import { devToken, person } from "./person.ts";

const maxSteps = 4;
const contextBytes = 96 * 1024;
const nuls = "\0".repeat(200_000);

/** A pod of the simulated cluster that serves, from the list that the model asked for first. */
function podIn(results: readonly string[]): string {
  return /storefront-[a-z0-9]+-[a-z0-9]+/.exec(results[0] ?? "")?.[0] ?? "";
}

/** First the list of pods, then so many logs at once, then an answer. */
function logs(count: number, tail: number) {
  return ({ round, results }: Asked): Said => {
    if (round === 0) return { calls: [{ name: "k8s_list_pods", arguments: { namespace: "shop" } }] };
    if (round > 1) return { text: "done" };
    const args = { pod: podIn(results), namespace: "shop", tail };
    return {
      text: "Reading.",
      calls: Array.from({ length: count }, () => ({ name: "k8s_pod_logs", arguments: args })),
    };
  };
}

const scripts: Record<string, (asked: Asked) => Said> = {
  "forty logs": logs(40, 2_000),
  "twelve logs": logs(12, 425),
  nuls: () => ({ text: nuls }),
  "large arguments": ({ round }) =>
    round === 0
      ? { calls: Array.from({ length: 6 }, () => ({ name: "k8s_list_pods", arguments: { junk: "x".repeat(60_000) } })) }
      : { text: "done" },
  "larger arguments": () => ({
    text: "So much to ask.",
    calls: Array.from({ length: 20 }, () => ({ name: "k8s_list_pods", arguments: { junk: "x".repeat(64_000) } })),
  }),
  "always tools": ({ round }) => ({
    text: `Step ${round}.`,
    calls: [{ name: "k8s_list_namespaces", arguments: {} }],
  }),
};

let model: ModelStub;
let system: System;
let anna: Client;

beforeAll(async () => {
  model = await startModelStub((asked) => scripts[asked.question]?.(asked) ?? { text: `You said ${asked.question}.` });
  const env = { OPENAI_BASE_URL: model.url, OPENAI_MODEL: "stub", MAX_STEPS: String(maxSteps) };
  system = await startSystem({ env: { "agent-worker": env } });
  anna = await person(system.edges[0]!);
  // The tool worker has announced itself when the model is offered tools.
  await eventually(
    async () => {
      const chat = anna.conversation();
      await chat.untilEnd((await chat.send("hello", { agent: "kubernetes" })).turn_id);
      return model.asked.at(-1)?.hasTools === true;
    },
    { what: "tools" },
  );
});
afterAll(async () => {
  anna?.close();
  await system?.[Symbol.asyncDispose]();
  await model?.[Symbol.asyncDispose]();
});

/** Asks, and then: the viewer has what the end says, the next message is answered, and the conversation can be deleted. */
async function ask(question: string) {
  const chat = anna.conversation();
  const { turn_id } = await chat.send(question, { agent: "kubernetes" });
  const end = await chat.untilEnd(turn_id);
  expect(shownTurn(chat.view, turn_id)?.text).toBe(end.response);
  const next = await chat.send("hello");
  expect(await chat.untilEnd(next.turn_id)).toMatchObject({ type: "complete", response: "You said hello." });
  const base = `http://127.0.0.1:${system.edges[0]!.port}/api/v1/conversations/${chat.id}`;
  const headers = { authorization: `Bearer ${await devToken(system.edges[0]!, "anna")}` };
  const transcript: unknown = await (await fetch(`${base}/messages`, { headers })).json();
  expect((await fetch(base, { method: "DELETE", headers })).status).toBe(204);
  return { end, transcript, asked: model.asked.filter((each) => each.question === question) };
}

it("P7: forty parallel calls with results of 12 KB end, the calls beyond the limit with a result that says so", async () => {
  const { end, asked } = await ask("forty logs");
  expect(end).toMatchObject({ type: "complete", response: "Reading.\n\ndone" });
  const calls = end.tool_calls.filter(({ tool_name }) => tool_name === "k8s_pod_logs");
  expect(calls).toHaveLength(40);
  const refused = calls.filter(({ status }) => status === "failed");
  expect(refused.length).toBeGreaterThanOrEqual(40 - limits.callsPerStep);
  for (const { result } of refused) expect(result).toMatch(/^Not run: /);
  expect(calls.filter(({ status }) => status === "completed").every(({ truncated }) => truncated === true)).toBe(true);
  expect(Buffer.byteLength(JSON.stringify(end))).toBeLessThan(limits.eventBytes);
  expect(asked.at(-1)?.results).toHaveLength(41);
});

it("P7: twelve logs of 11 KB are given to the model shortened, which is told so", async () => {
  const { end, asked } = await ask("twelve logs");
  expect(end).toMatchObject({ type: "complete", response: "Reading.\n\ndone" });
  const sizes = end.tool_calls.map(({ result }) => result.length);
  expect(sizes.filter((size) => size > 10_000)).toHaveLength(12);
  const last = asked.at(-1);
  expect(last?.bytes).toBeLessThanOrEqual(contextBytes + 1_000);
  expect(last?.results.slice(1).every((result) => /\[\d+ of \d+ lines left out here\]/.test(result))).toBe(true);
});

it("P7: 200,000 NULs, six bytes each where they are stored, end as an answer that is too long", async () => {
  const { end } = await ask("nuls");
  expect(end).toMatchObject({ type: "error", code: "MODEL_TRUNCATED" });
});

it("P7: calls whose arguments are together too large are not run, and the model is told", async () => {
  const { end } = await ask("large arguments");
  expect(end).toMatchObject({ type: "complete", response: "done" });
  const told = end.tool_calls.filter(({ result }) => result.startsWith("Not run: the arguments of the calls together"));
  expect(told).toHaveLength(4);
});

it("P7: a model that goes on writing arguments is given up, and what it said is kept", async () => {
  const { end } = await ask("larger arguments");
  expect(end).toMatchObject({ type: "error", code: "MODEL_TRUNCATED", response: "So much to ask." });
});

it("P7: a model that always asks for a tool is called as often as a turn allows, and what it said is kept", async () => {
  const { end, asked, transcript } = await ask("always tools");
  expect(end).toMatchObject({ type: "error", code: "STEP_LIMIT", retryable: false });
  expect(end.response).toBe("Step 0.\n\nStep 1.\n\nStep 2.\n\nStep 3.");
  expect(end.tool_calls).toHaveLength(maxSteps - 1);
  expect(asked.map(({ hasTools }) => hasTools)).toEqual([true, true, true, false]);
  expect(JSON.stringify(transcript)).toContain("Step 3.");
});
