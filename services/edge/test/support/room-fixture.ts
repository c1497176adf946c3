import { randomUUID } from "node:crypto";
import { messages, type ConversationId, type People } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import type { EdgeUnderTest, World } from "./edge-fixture.ts";
import { tokenOf } from "./edge-fixture.ts";
import type { FakeTurn } from "./fake-worker.ts";
import { connectClient, type TestClient } from "./test-client.ts";

export interface RoomSettings extends Partial<Pick<People, "answers" | "agents">> {
  readonly writers?: readonly string[];
  readonly readers?: readonly string[];
}

/** A conversation of Ann's with other people in it, in which nothing was said. */
export async function createRoom(world: World, settings: RoomSettings = {}): Promise<ConversationId> {
  const { writers = ["bert", "cora"], readers = [], ...rules } = settings;
  const id = `c_${randomUUID()}`;
  await world.bus.owners.claim(id, "ann");
  await world.bus.people.change(id, (people) => ({
    people: {
      ...people,
      ...rules,
      members: [
        ...writers.map((user) => ({ id: user, role: "writer", since: 1 })),
        ...readers.map((user) => ({ id: user, role: "reader", since: 1 })),
      ],
    },
  }));
  return id;
}

/** A client that knows posts, unless it is said to be an older one. */
export async function enter(
  edge: EdgeUnderTest,
  user: string,
  { knows = ["unknown", "posts"] }: { readonly knows?: readonly string[] } = {},
): Promise<TestClient> {
  const client = await connectClient(edge.url);
  client.send({ type: "auth", token: await tokenOf(user), knows });
  await client.next("auth_success");
  return client;
}

/** The same, looking at a conversation. */
export async function look(
  edge: EdgeUnderTest,
  user: string,
  id: ConversationId,
  options?: Parameters<typeof enter>[2],
): Promise<TestClient> {
  const client = await enter(edge, user, options);
  client.send({ type: "subscribe", conversation_id: id });
  await client.next("subscribed");
  return client;
}

/** What a client shows of it, oldest first. */
export function shown(client: TestClient, id: ConversationId): string[] {
  return messages(client.view(id)).map(({ parts }) =>
    parts.map((part) => ("text" in part && typeof part.text === "string" ? part.text : "")).join(""),
  );
}

export async function shows(client: TestClient, id: ConversationId, texts: readonly string[]): Promise<void> {
  const isShown = (): boolean => JSON.stringify(shown(client, id)) === JSON.stringify(texts);
  try {
    await eventually(isShown, { what: "these messages", timeoutMs: 15_000 });
  } catch (error) {
    throw new Error(`it shows ${JSON.stringify(shown(client, id))}, not ${JSON.stringify(texts)}`, { cause: error });
  }
}

/** Ends a turn, with a record that has its question as well. */
export async function answerWhole(
  { bus }: World,
  turn: FakeTurn,
  { by, question, answer }: { readonly by: string; readonly question: string; readonly answer: string },
): Promise<void> {
  const { conversation: conversation_id, turn: turn_id } = turn;
  const common = { v: 1 as const, conversation_id, turn_id, ts: Date.now() - 1 };
  const author = { role: "user", id: by };
  await bus.transcripts.append({
    ...common,
    message_id: `${turn_id}-u`,
    author,
    message: question,
    status: "complete",
  });
  await turn.complete(answer);
}
