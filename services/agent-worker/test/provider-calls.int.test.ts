import { isTerminal } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { chunk, sendStream, startProvider, type SeenRequest } from "./model/fake-provider.ts";
import { startWorkbench } from "./workbench.ts";

const signature = { extra_content: { google: { thought_signature: "CvQB" } } };
const call = { index: 0, id: "call_own_1", ...signature, function: { name: "clock", arguments: "{}" } };

/** A provider that insists on having its own ids, signatures and reasoning back. Its second answer can be held. */
async function startStrictProvider() {
  const held: (() => void)[] = [];
  let holds = true;
  const provider = await startProvider((res, request) => {
    const answer = (): void => sendStream(res, chunk({ content: "It is noon." }, "stop"));
    if (!hasCalls(request))
      sendStream(res, chunk({ reasoning_content: "I look." }), chunk({ tool_calls: [call] }, "tool_calls"));
    else if (holds) held.push(answer);
    else answer();
  });
  const release = (): void => {
    holds = false;
    for (const answer of held.splice(0)) answer();
  };
  return { ...provider, held, release };
}

function messagesOf({ body: { messages } }: SeenRequest): Record<string, unknown>[] {
  return Array.isArray(messages) ? messages : [];
}

function hasCalls(request: SeenRequest): boolean {
  return messagesOf(request).some(({ role }) => role === "tool");
}

it("a call goes back with the provider's own id, signature and reasoning, also by a worker that took the turn over", async () => {
  await using bench = await startWorkbench();
  await using provider = await startStrictProvider();
  const env = { OPENAI_BASE_URL: provider.baseURL, OPENAI_API_KEY: "k", OPENAI_MODEL: "minimax-m2" };
  const first = await bench.addWorker(env);
  const turn = await bench.ask("time?");
  await eventually(() => provider.held.length > 0, { what: "the second request", timeoutMs: 20_000 });
  const second = bench.addWorker(env);
  await first.kill("SIGKILL");
  await second;
  await eventually(() => provider.held.length > 1, { what: "the request of the second worker", timeoutMs: 25_000 });
  provider.release();
  expect(await bench.ended(turn)).toMatchObject({ type: "complete", response: "It is noon." });

  const sent = provider.requests.filter(hasCalls).map(messagesOf);
  expect(sent).toHaveLength(2);
  expect(sent[1]).toEqual(sent[0]);
  expect(sent[0]?.slice(-2)).toMatchObject([
    { role: "assistant", reasoning_content: "I look.", tool_calls: [{ id: "call_own_1", ...signature }] },
    { role: "tool", tool_call_id: "call_own_1" },
  ]);
  // Viewers and tool workers know our ids only.
  const seen = (await bench.events(turn)).map(({ event }) => event).filter(({ type }) => type !== "step");
  expect(seen.some(({ type }) => isTerminal(type))).toBe(true);
  expect(JSON.stringify(seen)).not.toMatch(/call_own_1|thought_signature/);
  // What it thought is told as that, and as nothing else.
  expect(seen.filter((event) => JSON.stringify(event).includes("I look")).map(({ type }) => type)).toEqual([
    "reasoning",
  ]);
});
