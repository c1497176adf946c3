import { messageEventOf, pendingApprovals, turn as turnIn } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import type { TestClient } from "./support/test-client.ts";
import { askFor, forgetEvents, tool, type WaitingTurn } from "./support/waiting-turn.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

/** A turn that waits, and nothing of which is left but what decides. */
async function waitLong(text?: string): Promise<WaitingTurn & { readonly ann: TestClient }> {
  const ann = await world.connect(edge);
  const waiting = await askFor(world, ann, text === undefined ? {} : { text });
  await ann.next("waiting");
  await forgetEvents(world);
  return { ...waiting, ann };
}

/** Who comes to an edge, by default to one that has never heard of the conversation. */
async function come({ conversation_id }: WaitingTurn, after?: number, to?: EdgeUnderTest): Promise<TestClient> {
  const late = await world.connect(to ?? (await world.addEdge({ limits: { lateMessageMs: 0 } })));
  late.send({ type: "subscribe", conversation_id, ...(after === undefined ? {} : { after }) });
  return late;
}

/** What a worker writes that goes on with the turn: its message again, then its chain. */
async function goOn(waiting: WaitingTurn, writesMessage = true): Promise<void> {
  const { conversation_id, turn_id, call_id, text } = waiting;
  const common = { conversation_id, turn_id, ts: 1 };
  waiting.claimedAgain();
  if (writesMessage) {
    const [queued] = await world.bus.turns.waiting(conversation_id);
    if (queued === undefined) throw new Error("the turn has left the queue");
    await waiting.event("user", messageEventOf(queued.request));
  }
  await waiting.chain({ type: "claimed", worker: "w2" });
  await waiting.chain({ type: "turn_restarted", text });
  const result = { status: "completed" as const, result: "Scaled.", duration_ms: 3 };
  await waiting.event(`tool.${call_id}`, { type: "tool_call_end", ...common, call_id, ...tool, ...result });
  await waiting.chain({ type: "token", token: " Done." });
}

function pending(client: TestClient, { conversation_id }: WaitingTurn): string[] {
  return pendingApprovals(client.view(conversation_id)).map(({ call }) => call.call_id);
}

describe("a turn that waits for longer than events are kept", () => {
  it("is shown to who comes then, with its message, its words and what is asked", async () => {
    const waiting = await waitLong("First I look. ");
    const late = await come(waiting);
    const snapshot = await late.next("snapshot");
    expect(snapshot).toMatchObject({ status: "waiting", text: "First I look. ", attempt: 1 });
    expect(snapshot.parts).toEqual([
      { type: "text", text: "First I look. " },
      {
        ...{ type: "tool_call", call_id: waiting.call_id, ...tool },
        approval: {
          ...{ summary: "Scales it to 3.", preview: { kind: "diff", text: "- 1\n+ 3" } },
          expires_at: expect.any(Number),
        },
      },
    ]);
    expect(snapshot.messages).toMatchObject([{ message: "scale it", author: { id: "ann" }, turn_id: waiting.turn_id }]);
    expect(pending(late, waiting)).toEqual([waiting.call_id]);
  });

  it("is decided by who comes then", async () => {
    const waiting = await waitLong();
    const late = await come(waiting);
    await late.next("snapshot");
    const { conversation_id, call_id } = waiting;
    late.send({ type: "approve", conversation_id, call_id, approved: true });
    await late.next("approval_decided");
    await waiting.ann.next("approval_decided");
    expect(pending(late, waiting)).toEqual([]);
    expect(turnIn(late.view(conversation_id), waiting.turn_id)?.status).toBe("running");
  });

  it("is shown to its sender, who sends the message again because it never heard that it was accepted", async () => {
    const waiting = await waitLong();
    const [queued] = await world.bus.turns.waiting(waiting.conversation_id);
    if (queued === undefined) throw new Error("the turn has left the queue");
    const { id, message, conversation_id } = queued.request;
    // Not what an edge writes that was a little slow.
    await eventually(() => Date.now() - queued.storedMs > deliveryLimits.lateMessageMs, { what: "some time" });
    // The first one writes the message again, behind what its turn has told.
    for (const again of [await world.connect(edge), await world.connect(await world.addEdge())]) {
      again.send({ type: "message", id, message, conversation_id });
      expect(await again.next("accepted")).toMatchObject({ turn_id: waiting.turn_id });
      await eventually(() => pending(again, waiting).length === 1, { what: "what is asked" });
    }
  });

  it("is shown as decided, when its decision is forgotten too", async () => {
    const waiting = await waitLong();
    const { conversation_id, call_id, ann } = waiting;
    ann.send({ type: "approve", conversation_id, call_id, approved: false, reason: "no" });
    await ann.next("approval_decided");
    await forgetEvents(world);
    const snapshot = await (await come(waiting)).next("snapshot");
    expect(snapshot.parts?.[1]).toMatchObject({ approval: { approved: false, by: { id: "ann" }, reason: "no" } });
  });

  it.each([
    ["and its message written again", true],
    ["without its message", false],
  ])("is the same for all who look when it goes on, %s", async (_, writesMessage) => {
    const waiting = await waitLong();
    const { conversation_id, turn_id, ann } = waiting;
    const early = await come(waiting);
    await early.next("snapshot");
    await goOn(waiting, writesMessage);
    await ann.next("token");
    await early.next("token");
    const late = await come(waiting);
    await late.next("snapshot");
    await waiting.chain({ type: "token", token: " Well." });
    const all = [ann, early, late];
    await expect
      .poll(() => all.map((client) => turnIn(client.view(conversation_id), turn_id)?.parts.at(-1)))
      .toEqual(all.map(() => ({ type: "text", text: " Done. Well." })));
    const views = all.map((client) => turnIn(client.view(conversation_id), turn_id));
    for (const view of views) {
      expect(view).toMatchObject({ status: "running", attempt: 2 });
      expect(view?.parts).toEqual(views[0]?.parts);
      expect(view?.message?.message ?? "scale it").toBe("scale it");
    }
  });

  it("is the same for who comes to an edge that has let go of what it saw", async () => {
    const waiting = await waitLong();
    const { conversation_id, turn_id, ann } = waiting;
    const small = await world.addEdge({
      limits: { lateMessageMs: 0, ringEvents: 4, replayEvents: 1, rawRunEvents: 1 },
    });
    const early = await come(waiting, undefined, small);
    const { seq } = await early.next("snapshot");
    await goOn(waiting);
    for (let i = 0; i < 12; i++) await waiting.chain({ type: "token", token: ` ${i}` });
    const text = ` Done.${Array.from({ length: 12 }, (_, i) => ` ${i}`).join("")}`;
    const late = await come(waiting, undefined, small);
    await late.next("snapshot");
    const back = await come(waiting, seq, small);
    const all = [ann, early, late];
    const lastOf = (client: TestClient) => turnIn(client.view(conversation_id), turn_id)?.parts.at(-1);
    await expect.poll(() => all.map(lastOf)).toEqual(all.map(() => ({ type: "text", text })));
    await expect.poll(() => turnIn(back.view(conversation_id), turn_id)?.parts.at(-1)).toMatchObject({ text });
    const [first, ...others] = all.map((client) => turnIn(client.view(conversation_id), turn_id)?.parts);
    // Who comes back with a cursor from before has that from one snapshot.
    const afterwards = turnIn(back.view(conversation_id), turn_id)?.parts;
    for (const parts of [...others, afterwards]) expect(parts).toEqual(first);
  });

  it("has one end, for who saw it wait and who comes after", async () => {
    const waiting = await waitLong();
    const { conversation_id, turn_id } = waiting;
    const early = await come(waiting);
    const { seq } = await early.next("snapshot");
    await goOn(waiting);
    const result = { status: "completed" as const, result: "Scaled.", duration_ms: 3 };
    await world.bus.transcripts.append({
      ...{ v: 1, conversation_id, turn_id, ts: 1, message_id: `${turn_id}-a`, author: { role: "assistant" } },
      ...{ message: `${waiting.text} Done.`, status: "complete" },
    });
    const tool_calls = [{ call_id: waiting.call_id, ...tool, ...result }];
    const usage = { input_tokens: 1, output_tokens: 1 };
    const outcome = { response: `${waiting.text} Done.`, message_id: `${turn_id}-a`, tool_calls, usage, metadata: {} };
    await waiting.chain({ type: "complete", ...outcome });
    expect((await early.next("complete")).response).toBe(`${waiting.text} Done.`);
    const [queued] = await world.bus.turns.waiting(conversation_id);
    if (queued !== undefined) await world.bus.turns.removeFirst(queued.seq);
    const late = await come(waiting);
    expect(await late.next("snapshot")).toMatchObject({ status: "idle" });
    expect(turnIn(early.view(conversation_id), turn_id)?.outcome?.type).toBe("complete");
    // Who comes back is not shown the rest alone, as what ran a moment ago.
    const back = await (await come(waiting, seq)).next("snapshot");
    expect(back.parts?.[0] ?? waiting).toMatchObject({ text: waiting.text });
    expect(back.messages?.at(-1)?.message).toMatch(/^(I shall scale it\. Done\.|scale it)$/);
  });

  it("goes on from the cursor of who comes back", async () => {
    const waiting = await waitLong();
    const { conversation_id, turn_id, ann } = waiting;
    const back = await come(waiting, ann.view(conversation_id).seq);
    const { mode } = await back.next("subscribed");
    await goOn(waiting);
    await back.next("token");
    // Who has all goes on; who is not known to have all gets all.
    const view = turnIn(mode === "snapshot" ? back.view(conversation_id) : ann.view(conversation_id), turn_id);
    expect(view?.parts).toMatchObject([{ text: waiting.text }, { status: "completed" }, { text: " Done." }]);
  });

  it("is shown with the messages that wait behind it", async () => {
    const waiting = await waitLong();
    const { conversation_id, ann } = waiting;
    ann.send({ type: "message", id: "behind", message: "and then?", conversation_id });
    await ann.next("accepted");
    await forgetEvents(world);
    const snapshot = await (await come(waiting)).next("snapshot");
    expect(snapshot).toMatchObject({ status: "waiting", turn_id: waiting.turn_id });
    expect(snapshot.messages).toMatchObject([{ message: "scale it" }, { message: "and then?" }]);
  });
});
