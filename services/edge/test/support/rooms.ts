import { randomUUID } from "node:crypto";
import type { Bus } from "@parley/bus";
import { encodeJson, limits, subjects, type ConversationId, type People, type PeopleRecord } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { tokenOf, type EdgeUnderTest } from "./edge-fixture.ts";
import { connectClient, type FrameOf, type TestClient } from "./test-client.ts";

/** Connects somebody whose client knows rooms. */
export async function enter(edge: EdgeUnderTest, user: string): Promise<TestClient> {
  const client = await connectClient(edge.url);
  client.send({ type: "auth", token: await tokenOf(user), knows: ["posts", "unknown"] });
  await client.next("auth_success");
  return client;
}

/** The same, and they look at the conversation. */
export async function lookAt(edge: EdgeUnderTest, user: string, conversation: ConversationId): Promise<TestClient> {
  const client = await enter(edge, user);
  client.send({ type: "subscribe", conversation_id: conversation });
  await client.next("subscribed");
  return client;
}

/** A conversation of the first one in which all others are writers. */
export async function createRoom(bus: Bus, edge: EdgeUnderTest, [owner, ...others]: readonly string[]) {
  const id = `c_${randomUUID()}`;
  const client = await enter(edge, owner ?? "ann");
  client.send({ type: "message", id: "m1", message: "hello", conversation_id: id });
  await client.next("accepted");
  client.close();
  await client.closed;
  await setPeople(bus, id, {
    owner: { id: owner ?? "ann" },
    members: others.map((user) => ({ id: user, role: "writer", since: Date.now() })),
  });
  return id;
}

export async function setPeople(
  bus: Bus,
  conversation: ConversationId,
  some: Partial<People>,
  expect = 0,
): Promise<void> {
  const people: People = { owner: { id: "ann" }, members: [], invites: [], agents: [], pins: [], has: {}, ...some };
  const record: PeopleRecord = { v: 1, kind: "people", conversation_id: conversation, n: 1, people, ts: Date.now() };
  const subject = subjects.people(bus.events.shardOf(conversation), conversation);
  await bus.events.append({ subject, data: encodeJson(record), expect });
}

type Signal = "presence" | "typing" | "read";

/** What the client was told last of this. */
export function toldOf<Type extends Signal>(client: TestClient, type: Type): FrameOf<Type> | undefined {
  return client.frames.findLast((frame): frame is FrameOf<Type> => frame.type === type);
}

export function idsOf(people: readonly { readonly id: string }[] = []): string[] {
  return people.map(({ id }) => id);
}

export async function untilPresent(client: TestClient, users: readonly string[], timeoutMs = limits.signalMs + 5_000) {
  const wanted = JSON.stringify([...users].toSorted());
  await eventually(() => JSON.stringify(idsOf(toldOf(client, "presence")?.users)) === wanted, {
    what: `presence of ${wanted}`,
    timeoutMs,
  });
}

export async function untilTyping(client: TestClient, users: readonly string[], timeoutMs = limits.signalMs + 5_000) {
  const wanted = JSON.stringify([...users].toSorted());
  await eventually(() => JSON.stringify(idsOf(toldOf(client, "typing")?.users)) === wanted, {
    what: `typing of ${wanted}`,
    timeoutMs,
  });
}
