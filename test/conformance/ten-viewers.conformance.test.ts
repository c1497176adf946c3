import { randomUUID } from "node:crypto";
import { createClient, type Client, type Conversation } from "@parley/client";
import { strict } from "@parley/client/strict";
import { pendingApprovals, textOf, TranscriptMessage, turn as turnIn } from "@parley/protocol";
import { responseIdOf } from "@parley/dialects";
import { sleep } from "@parley/runtime";
import { eventually } from "@parley/testkit";
import { WebSocket } from "ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createRandom } from "../chaos/plan/random.ts";
import { seedA, seedC } from "../chaos/dialects/seed-sockets.ts";
import { differences, storedIn } from "../chaos/dialects/seen.ts";
import { ask as request, type TurnPlace, type Visit } from "../chaos/dialects/visit.ts";
import { allViewers, faultsOf, placeViewers, watch, type WatchDeps, type Watched } from "../chaos/dialects/watching.ts";
import { asks, startConformanceWorld, type ConformanceWorld } from "./world.ts";

const Messages = z.object({ messages: z.array(TranscriptMessage) });
const withinMs = 60_000;

describe("one conversation, seen through all dialects at once", () => {
  let world: ConformanceWorld;
  let client: Client;
  let token: string;
  const random = createRandom("ten viewers");

  beforeAll(async () => {
    world = await startConformanceWorld({ edge: { ACK_WAIT_MS: "2000" }, "agent-worker": { ACK_WAIT_MS: "2000" } });
    token = await world.token();
    client = createClient({
      ...strict,
      url: `ws://127.0.0.1:${world.proxy.port}/ws/chat`,
      token,
      WebSocket,
      backoff: { minMs: 50, maxMs: 500 },
    });
    await client.connect();
  }, 60_000);
  afterAll(async () => {
    client.close();
    await world[Symbol.asyncDispose]();
  });

  interface Asked {
    readonly chat: Conversation;
    readonly place: TurnPlace;
    /** Resolves when so many characters of the answer are there. */
    readonly longer: (chars: number) => Promise<unknown>;
  }

  async function ask(text: string, chat = client.conversation(`v_${randomUUID()}`)): Promise<Asked> {
    const id = randomUUID();
    const { turn_id } = await chat.send(text, { id, agent: "general" });
    const place = { conversation: chat.id, turn: turn_id, message: { id, text, agent: "general" } };
    const length = (): number => textOf(turnIn(chat.view, turn_id) ?? { parts: [] }).length;
    const longer = (chars: number): Promise<unknown> =>
      eventually(() => length() > chars, { what: `${chars} characters`, timeoutMs: 30_000 });
    return { chat, place, longer };
  }

  /** Looks at the turn in all dialects while that happens. Returns what came of each, and the stored answer. */
  async function seenBy({ chat, place }: Asked, meanwhile: () => Promise<unknown>, cuts = 3, viewers = allViewers) {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), withinMs);
    const deps: WatchDeps = {
      origins: () => world.edges.map(({ port }) => `http://127.0.0.1:${port}`),
      ...{ token, random: random.next, signal: late.signal, cuts, cutAfterMs: [150, 1_500] },
    };
    try {
      const watching = viewers.map((viewer) => watch(viewer, place, deps));
      await meanwhile();
      return { watched: await Promise.all(watching), record: await stored(chat.id, place.turn) };
    } finally {
      clearTimeout(timer);
      late.abort();
    }
  }

  async function stored(conversation: string, turn: string): Promise<TranscriptMessage | undefined> {
    const address = `${world.url}/api/v1/conversations/${conversation}/messages?knows=unknown`;
    const answer = await fetch(address, { headers: { authorization: `Bearer ${token}` } });
    const { messages } = Messages.parse(await answer.json());
    return messages.find(({ turn_id, author }) => turn_id === turn && author.role === "assistant");
  }

  function expectAgreement({ watched, record }: { watched: Watched[]; record: TranscriptMessage | undefined }): void {
    const faults = watched.flatMap((one) => faultsOf(one, record).map((what) => `${one.viewer.name}: ${what}`));
    expect(faults).toEqual([]);
  }

  const nothing = (): Promise<void> => Promise.resolve();

  it("agrees on text that comes as they look, and once more when it is over", async () => {
    const asked = await ask(asks.numbered(120, 60));
    expectAgreement(await seenBy(asked, nothing));
    expectAgreement(await seenBy(asked, nothing, 0));
  });

  it("agrees on an answer whose workers are killed one after the other", async () => {
    const asked = await ask(asks.numbered(200, 50));
    const killed = await seenBy(asked, async () => {
      for (const [at, worker] of world.system.agentWorkers.entries()) {
        await asked.longer(40 + 200 * at);
        await worker.kill("SIGKILL");
        await worker.restart();
      }
    });
    expectAgreement(killed);
    expect(killed.watched.filter(({ visits }) => visits > 1).length).toBeGreaterThan(5);
  });

  it("agrees on reasoning and text while an edge is killed", async () => {
    const asked = await ask("Think about it.\n/sim think=60 tokens=150 rate=50");
    const seen = await seenBy(asked, async () => {
      await asked.longer(20);
      await world.edges[1].kill("SIGKILL");
      await world.edges[1].restart();
    });
    expectAgreement(seen);
    expect(seen.watched.find(({ viewer }) => viewer.name === "AI SDK 7")?.seen?.reasoning).not.toBe("");
  });

  it("agrees on parallel calls of a worker that stands still and wakes up", async () => {
    const asked = await ask(
      'call the tool demo_sleep with {"ms": 900} call the tool demo_counter with {"ms": 300} then call the tool demo_sleep with {"ms": 200}\n/sim tokens=60 rate=40',
    );
    const seen = await seenBy(asked, async () => {
      await asked.longer(0);
      for (const worker of world.system.agentWorkers) worker.freeze();
      await sleep(4_000);
      for (const worker of world.system.agentWorkers) worker.thaw();
    });
    expectAgreement(seen);
    expect(seen.record?.tool_calls).toHaveLength(3);
  });

  it("agrees on what was stopped, on what failed, and on turns that waited behind these", async () => {
    const first = await ask(asks.numbered(3_000, 40));
    const second = await ask(asks.error, first.chat);
    const third = await ask(asks.numbered(30, 60), first.chat);
    const [stopped, failed, answered] = await Promise.all([
      seenBy(first, async () => {
        await first.longer(100);
        first.chat.cancel(first.place.turn);
      }),
      seenBy(second, nothing),
      seenBy(third, nothing),
    ]);
    expect(stopped.record?.status).toBe("cancelled");
    expect(failed.record?.status).toBe("error");
    for (const seen of [stopped, failed, answered]) expectAgreement(seen);
  });

  it.each([seedA, seedC])("agrees on what a client of $name asks, whose worker is killed", async (seed) => {
    const { chat } = await ask(asks.numbered(5));
    await eventually(async () => (await stored(chat.id, chat.view.turns[0]?.turn_id ?? "")) !== undefined, {
      what: "the first answer",
    });
    const { signal } = new AbortController();
    const visit = { origin: world.url, token, signal };
    const text = 'call the tool demo_sleep with {"ms": 300}\n/sim tokens=80 rate=50';
    const asking = seed.ask(visit, chat.id, text);
    asking.catch(() => undefined);
    const before = chat.view.turns[0]?.turn_id;
    const begun = async (): Promise<string | undefined> => {
      const found = await turnThatRuns(visit, chat.id);
      return found === before ? undefined : found;
    };
    const turn = await eventually(begun, { what: "the turn", timeoutMs: 10_000 });
    const place = { conversation: chat.id, turn, message: undefined };
    const seen = await seenBy({ chat, place, longer: nothing }, killWorkers, 3, placeViewers);
    expectAgreement(seen);
    if (seen.record === undefined) throw new Error("There is no answer.");
    expect(differences(await asking, storedIn(seen.record, seed.words))).toEqual([]);
  });

  async function killWorkers(): Promise<void> {
    for (const worker of world.system.agentWorkers) {
      await sleep(700);
      await worker.kill("SIGKILL");
      await worker.restart();
    }
  }

  const post = async (path: string, body: object, headers: Record<string, string> = {}): Promise<void> => {
    const all = { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers };
    const answer = await fetch(`${world.url}${path}`, { method: "POST", headers: all, body: JSON.stringify(body) });
    const text = await answer.text();
    expect(answer.ok, text).toBe(true);
  };

  const say = { approved: true, reason: "go on" };
  it.each<[string, (place: TurnPlace, call: string) => Promise<void>]>([
    ["HTTP", ({ conversation }, call) => post(`/api/v1/conversations/${conversation}/approvals/${call}`, say)],
    ["the AI SDK", ({ conversation }, call) => post(`/api/ai/chat/${conversation}/approvals/${call}`, say)],
    [
      "AG-UI",
      ({ conversation: threadId, message }, interruptId) =>
        post("/api/ag-ui", {
          ...{ threadId, runId: randomUUID(), protocolVersion: "1.0" },
          messages: [{ id: message?.id, role: "user", content: message?.text }],
          resume: [{ interruptId, status: "resolved", payload: say }],
        }),
    ],
    [
      "A2A",
      ({ conversation, turn }, call_id) => {
        const part = { data: { call_id, approved: true }, mediaType: "application/json" };
        const message = {
          messageId: randomUUID(),
          taskId: `${turn}.${conversation}`,
          role: "ROLE_USER",
          parts: [part],
        };
        const params = { message, configuration: { returnImmediately: true } };
        return post("/a2a", { jsonrpc: "2.0", id: 1, method: "SendMessage", params }, { "a2a-version": "1.0" });
      },
    ],
    [
      "OpenAI's Responses",
      ({ conversation, turn }, call) => {
        const id = responseIdOf({ conversation_id: conversation, turn_id: turn, segment: 0 });
        const approval_request_id = `mcpr_${id.slice("resp_".length)}_${call.slice(turn.length + 1)}`;
        const input = [{ type: "mcp_approval_response", approval_request_id, approve: true }];
        return post("/v1/responses", { previous_response_id: id, input });
      },
    ],
  ])("agrees on a call to which somebody agrees over %s, when the worker that asked is gone", async (_name, decide) => {
    const asked = await ask("change the counter to 42");
    const waiting = (): string | undefined => pendingApprovals(asked.chat.view)[0]?.call.call_id;
    const seen = await seenBy(asked, async () => {
      await expect.poll(waiting, { timeout: 20_000 }).toBeDefined();
      await world.system.agentWorkers[0]?.kill("SIGKILL");
      await world.system.agentWorkers[0]?.restart();
      await decide(asked.place, waiting() ?? "");
    });
    expectAgreement(seen);
    expect(seen.record?.tool_calls).toMatchObject([{ status: "completed" }]);
  });
});

/** As the header of the AI SDK's streams names it: what runs, else what ended last. */
async function turnThatRuns(visit: Visit, conversation: string): Promise<string | undefined> {
  const stop = new AbortController();
  const answer = await request({ ...visit, signal: stop.signal }, `/api/ai/chat/${conversation}/stream`);
  stop.abort();
  const [, ofConversation, turn] = answer.headers.get("x-workflow-run-id")?.split(".") ?? [];
  return ofConversation === conversation ? turn : undefined;
}
