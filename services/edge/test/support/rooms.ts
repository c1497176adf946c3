import { randomUUID } from "node:crypto";
import type { Bus } from "@parley/bus";
import {
  encodeJson,
  limits,
  subjects,
  type ConversationId,
  type MemberRole,
  type PostRecord,
  type TurnId,
} from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { tokenOf, type EdgeUnderTest } from "./edge-fixture.ts";
import { connectClient, type FrameOf, type TestClient } from "./test-client.ts";

/** An edge of this process, or another one. */
export type Reachable = Pick<EdgeUnderTest, "url">;

/** Connects somebody whose client knows rooms. */
export async function enter(edge: Reachable, user: string): Promise<TestClient> {
  const client = await connectClient(edge.url);
  client.send({ type: "auth", token: await tokenOf(user), knows: ["posts", "unknown"] });
  await client.next("auth_success");
  return client;
}

/** The same, and they look at the conversation. */
export async function lookAt(edge: Reachable, user: string, conversation: ConversationId): Promise<TestClient> {
  const client = await enter(edge, user);
  client.send({ type: "subscribe", conversation_id: conversation });
  await client.next("subscribed");
  return client;
}

/** A conversation of the first one in which all others are writers. */
export async function createRoom(bus: Bus, edge: Reachable, [owner, ...others]: readonly string[]) {
  const id = `c_${randomUUID()}`;
  const client = await enter(edge, owner ?? "ann");
  client.send({ type: "message", id: "m1", message: "hello", conversation_id: id });
  await client.next("accepted");
  client.close();
  await client.closed;
  if (others.length > 0) await letIn(bus, id, others);
  return id;
}

/** They are writers from now on; who looks on is told. */
export async function letIn(
  bus: Bus,
  conversation: ConversationId,
  users: readonly string[],
  role: MemberRole = "writer",
): Promise<void> {
  const since = Date.now();
  await bus.people.change(conversation, (people) => {
    const members = [
      ...people.members.filter(({ id }) => !users.includes(id)),
      ...users.map((id) => ({ id, role, since })),
    ];
    const changed = users.map((id) => ({ id, role }));
    // Each message is a turn.
    const answers = "always";
    const about = { people: changed, member_count: members.length + 1, answers, agents: people.agents };
    return { people: { ...people, members, answers }, told: { type: "member", ...about } };
  });
}

/** They are no members any more. */
export async function sendAway(bus: Bus, conversation: ConversationId, user: string): Promise<void> {
  await bus.people.change(conversation, (people) => {
    const members = people.members.filter(({ id }) => id !== user);
    const about = { people: [{ id: user, role: null }], member_count: members.length + 1, answers: "mention" };
    return { people: { ...people, members }, told: { type: "member", ...about, agents: people.agents } };
  });
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

/** A turn is over, as a worker records it. */
export async function record(
  bus: Bus,
  conversation_id: ConversationId,
  turn_id: TurnId,
  { asker, answer }: { readonly asker: string; readonly answer: string },
): Promise<void> {
  const [ts, usage] = [Date.now(), { input_tokens: 1, output_tokens: 1 }];
  const text = (what: string) => [{ type: "text" as const, text: what }];
  await bus.transcripts.append({
    ...{ v: 2, kind: "turn", conversation_id, turn_id },
    question: {
      message_id: `${turn_id}-u`,
      id: turn_id,
      author: { role: "user", id: asker },
      parts: text("What?"),
      ts,
    },
    answer: {
      ...{ message_id: `${turn_id}-a`, author: { role: "assistant" }, parts: text(answer), ts },
      ...{ status: "complete", usage },
    },
  });
}

/** A message between people, as an edge records it. */
export async function recordPost(bus: Bus, conversation_id: ConversationId, n: number, author: string): Promise<void> {
  const subject = subjects.post(bus.events.shardOf(conversation_id), conversation_id);
  const turn_id = `t_post_${n}`;
  const about = { conversation_id, turn_id, message_id: `${turn_id}-u`, id: `p${n}`, message: "hello", after: null };
  const post: PostRecord = {
    ...{ v: 1, kind: "post", conversation_id, prev: 0, ts: 1 },
    post: { type: "post", ...about, author: { role: "user", id: author }, n, ts: 1 },
  };
  await bus.events.append({ subject, data: encodeJson(post) });
}
