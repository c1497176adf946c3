import { encodeJson, limits, streams, subjects, type FeedbackRecord } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, metricOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
  other = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

interface Begun {
  readonly client: TestClient;
  /** The id of the answer. */
  readonly answer: string;
  readonly question: string;
}

/** A conversation with one answered message. */
async function begun(conversation_id: string, message = "hello"): Promise<Begun> {
  const client = await world.connect(edge);
  return { client, ...(await say(client, conversation_id, message)) };
}

async function say(client: TestClient, conversation_id: string, message: string): Promise<Omit<Begun, "client">> {
  client.send({ type: "message", id: message, message, conversation_id });
  const { turn_id, message_id } = await client.next("accepted");
  const common = { v: 1 as const, conversation_id, turn_id, status: "complete" as const, ts: Date.now() };
  await world.bus.transcripts.append({ ...common, message_id, author: { role: "user" }, message });
  await world.worker.take(conversation_id, turn_id).complete(`${message} answered`);
  await client.next("complete");
  return { answer: `${turn_id}-a`, question: message_id };
}

const addressOf = (id: string, message: string): string => `/api/v1/conversations/${id}/messages/${message}/feedback`;

const rate = (id: string, message: string, body: unknown, { place = edge, user = "ann" } = {}) =>
  ask(place, "PUT", addressOf(id, message), { user, body });

async function messagesOf(id: string, place = other): Promise<{ message_id: string; feedback?: unknown }[]> {
  return (await ask(place, "GET", `/api/v1/conversations/${id}/messages`, { user: "ann" })).body.messages;
}

async function snapshotOf(id: string, place = other) {
  const viewer = await world.connect(place);
  viewer.send({ type: "subscribe", conversation_id: id });
  const snapshot = await viewer.next("snapshot");
  viewer.close();
  return snapshot;
}

describe("what a person says of an answer", () => {
  it("is kept, and stands beside the answer over HTTP and in snapshots, through whichever edge", async () => {
    const { answer } = await begun("c_kept");
    const said = { rating: "down", comment: "The wrong\n namespace." };
    expect(await rate("c_kept", answer, { ...said, comment: "  The wrong\r\n namespace.\u0007 " })).toMatchObject({
      status: 200,
      body: { conversation_id: "c_kept", message_id: answer, ...said },
    });
    expect(await messagesOf("c_kept")).toEqual([
      expect.not.objectContaining({ feedback: expect.anything() }),
      expect.objectContaining({ message_id: answer, feedback: said }),
    ]);
    const { messages = [] } = await snapshotOf("c_kept");
    expect(messages.map(({ feedback }) => feedback)).toEqual([undefined, said]);
  });

  it("is answered to the socket that sent it, by name", async () => {
    const { client, answer } = await begun("c_framed");
    client.send({ type: "feedback", id: "f1", conversation_id: "c_framed", message_id: answer, rating: "up" });
    const common = { type: "feedback", conversation_id: "c_framed", message_id: answer };
    expect(await client.next("feedback")).toEqual({ ...common, id: "f1", rating: "up" });
    client.send({ type: "feedback", id: "f2", conversation_id: "c_framed", message_id: "t9-a", rating: "up" });
    expect(await client.next("error")).toMatchObject({ code: "NOT_FOUND", frame: "feedback", id: "f2" });
  });

  it("is what was said last, and can be taken back", async () => {
    const { answer } = await begun("c_changed");
    await rate("c_changed", answer, { rating: "up", comment: "Good" });
    await rate("c_changed", answer, { rating: "down" });
    expect((await messagesOf("c_changed"))[1]?.feedback).toEqual({ rating: "down" });
    const taken = await rate("c_changed", answer, { rating: null, comment: "nothing" });
    expect(taken.body).toEqual({ conversation_id: "c_changed", message_id: answer, rating: null });
    expect((await messagesOf("c_changed"))[1]).not.toHaveProperty("feedback");
    expect((await snapshotOf("c_changed")).messages?.[1]).not.toHaveProperty("feedback");
  });

  it("P7: is one record, however often it is changed, and the same once more changes nothing", async () => {
    const { answer } = await begun("c_once");
    const counted = await metricOf(edge, "parley_edge_feedback_total");
    for (const rating of ["up", "up", "down", "down"]) await rate("c_once", answer, { rating });
    expect((await metricOf(edge, "parley_edge_feedback_total")) - counted).toBe(2);
    const subject = subjects.feedback(0, "c_once");
    const query = JSON.stringify({ subjects_filter: subject });
    const info = await world.bus.nc.request(`$JS.API.STREAM.INFO.${streams.log(0)}`, query);
    expect(info.json<{ state: { subjects?: object } }>().state.subjects).toEqual({ [subject]: 1 });
    expect(await world.bus.feedback.of("c_once")).toMatchObject([{ rating: "down", changes: 2, user_id: "ann" }]);
  });

  it("of many that come at once from two devices is one of them, everywhere the same", async () => {
    const { client, answer } = await begun("c_many");
    const { answer: later } = await say(client, "c_many", "more");
    const wishes = [answer, later].flatMap((message) =>
      ["up", "down", "up"].map((rating, i) =>
        rate("c_many", message, { rating, comment: `${i}` }, { place: i === 1 ? edge : other }),
      ),
    );
    expect((await Promise.all(wishes)).map(({ status }) => status)).toEqual(wishes.map(() => 200));
    const [kept, also] = [await messagesOf("c_many", edge), await messagesOf("c_many", other)];
    expect(kept).toEqual(also);
    expect(kept.filter(({ feedback }) => feedback !== undefined).map(({ message_id }) => message_id)).toEqual([
      answer,
      later,
    ]);
  });

  it("P7: has bounds: of a comment, of changes, and of all of a conversation, and can be taken back beyond them", async () => {
    const { client, answer } = await begun("c_bounds");
    const comment = "ä".repeat(limits.feedbackCommentBytes / 2);
    expect(await rate("c_bounds", answer, { rating: "up", comment })).toMatchObject({ status: 200 });
    expect(await rate("c_bounds", answer, { rating: "up", comment: `${comment}.` })).toMatchObject({
      status: 413,
      body: { code: "MESSAGE_TOO_LARGE" },
    });
    const { answer: second } = await say(client, "c_bounds", "second");
    await replaceBy("c_bounds", (entry) => [{ ...entry, changes: limits.feedbackChanges }]);
    expect(await rate("c_bounds", answer, { rating: "down" })).toMatchObject({ status: 409 });
    expect(await rate("c_bounds", answer, { rating: null })).toMatchObject({ status: 200 });
    const large = { comment: "x".repeat(limits.feedbackBytes) };
    await replaceBy("c_bounds", (entry) => [{ ...entry, ...large, changes: 1, rating: "up" }]);
    const refused = await rate("c_bounds", second, { rating: "up" });
    expect(refused.body).toMatchObject({ code: "CONFLICT", error: expect.stringContaining("no room") });
    expect(await rate("c_bounds", answer, { rating: "up" })).toMatchObject({ status: 200 });
    expect(await rate("c_bounds", second, { rating: "up" })).toMatchObject({ status: 200 });
  });

  it.each([
    ["no rating", {}],
    ["another rating", { rating: "sideways" }],
    ["a comment that is no text", { rating: "up", comment: 7 }],
  ])("is refused with %s", async (_, body) => {
    const { answer } = await begun("c_refused");
    expect((await rate("c_refused", answer, body)).body).toMatchObject({ code: "INVALID_FRAME" });
  });

  it("P9: is of an answer of one's own conversation only, that has ended", async () => {
    const { answer, question, client } = await begun("c_owned");
    const { answer: elsewhere } = await begun("c_other");
    expect((await rate("c_owned", answer, { rating: "up" }, { user: "bob" })).body).toMatchObject({
      code: "FORBIDDEN",
    });
    expect((await rate("c_nowhere", answer, { rating: "up" })).body).toMatchObject({ code: "NOT_FOUND" });
    for (const message of [question, elsewhere, "t9-a", "-a", "x".repeat(128)])
      expect((await rate("c_owned", message, { rating: "up" })).body).toMatchObject({ code: "NOT_FOUND" });
    expect((await rate("c_owned", "a.b", { rating: "up" })).body).toMatchObject({ code: "INVALID_FRAME" });
    client.send({ type: "message", id: "m2", message: "still running", conversation_id: "c_owned" });
    const { turn_id } = await client.next("accepted");
    expect((await rate("c_owned", `${turn_id}-a`, { rating: "up" })).body).toMatchObject({ code: "NOT_FOUND" });
    expect(await world.bus.feedback.of("c_owned")).toEqual([]);
  });

  it("goes with the conversation, and what comes too late does not bring it back", async () => {
    const { answer } = await begun("c_gone");
    await rate("c_gone", answer, { rating: "up", comment: "Secret" });
    let isDeleted = false;
    // The answer is found, and the conversation is deleted before what was said is stored.
    const late = world.bus.feedback.give(
      "c_gone",
      { message_id: answer, turn_id: answer.slice(0, -2), user_id: "ann", rating: "down", comment: "Late" },
      async () => {
        const found = await world.bus.transcripts.find("c_gone", answer.slice(0, -2), 0);
        if (!isDeleted) await ask(edge, "DELETE", "/api/v1/conversations/c_gone", { user: "ann" });
        isDeleted = true;
        return found && {};
      },
    );
    await expect(late).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await world.bus.feedback.of("c_gone")).toEqual([]);
    expect((await rate("c_gone", answer, { rating: "up" })).body).toMatchObject({ code: "NOT_FOUND" });
    const anew = await begun("c_gone", "a new one");
    expect(await rate("c_gone", anew.answer, { rating: "up" })).toMatchObject({ status: 200 });
    expect((await messagesOf("c_gone")).map(({ feedback }) => feedback)).toEqual([undefined, { rating: "up" }]);
  });

  it("of a conversation of which nothing was said leaves nothing that can come later", async () => {
    const { answer } = await begun("c_never");
    let isDeleted = false;
    const late = world.bus.feedback.give(
      "c_never",
      { message_id: answer, turn_id: answer.slice(0, -2), user_id: "ann", rating: "down" },
      async () => {
        if (isDeleted) return undefined;
        isDeleted = true;
        await ask(edge, "DELETE", "/api/v1/conversations/c_never", { user: "ann" });
        return {};
      },
    );
    await expect(late).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await world.bus.feedback.of("c_never")).toEqual([]);
  });
});

/** Changes what is stored, as if it had been said so. */
async function replaceBy(
  conversation: string,
  change: (entry: NonNullable<FeedbackRecord["entries"]>[number]) => FeedbackRecord["entries"],
): Promise<void> {
  const [entry] = await world.bus.feedback.of(conversation);
  const record = { v: 1, kind: "feedback", conversation_id: conversation, n: 50, ts: 1 };
  const data = encodeJson({ ...record, entries: entry && change(entry) });
  await world.bus.events.append({ subject: subjects.feedback(0, conversation), data });
}
