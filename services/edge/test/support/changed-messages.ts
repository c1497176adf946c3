import { messages, type MessageChanges } from "@parley/protocol";
import type { EdgeUnderTest, World } from "./edge-fixture.ts";
import { ask, type Asked } from "./http-client.ts";
import type { TestClient } from "./test-client.ts";

export interface Said {
  readonly turn: string;
  readonly answer: string;
  readonly question: string;
}

/** A message that is answered at once; its author is Ann where nobody else is named. */
export async function say(
  world: World,
  client: TestClient,
  { id: conversation_id, message, by = "ann" }: { id: string; message: string; by?: string },
): Promise<Said> {
  client.send({ type: "message", id: message, message, conversation_id });
  const { turn_id, message_id } = await client.next("accepted");
  const common = { v: 1 as const, conversation_id, turn_id, status: "complete" as const, ts: Date.now() };
  await world.bus.transcripts.append({ ...common, message_id, author: { role: "user", id: by }, message });
  await world.worker.take(conversation_id, turn_id).complete(`${message} answered`);
  await client.next("complete");
  return { turn: turn_id, answer: `${turn_id}-a`, question: message_id };
}

export async function look(world: World, place: EdgeUnderTest, id: string, { user = "ann", after = -1 } = {}) {
  const viewer = await world.connect(place, user);
  viewer.send({ type: "subscribe", conversation_id: id, ...(after < 0 ? {} : { after }) });
  await viewer.next("subscribed");
  return viewer;
}

export const pathOf = (id: string, message: string, below = ""): string =>
  `/api/v1/conversations/${id}/messages/${message}${below}`;

export const reactionOf = (id: string, message: string, reaction: string): string =>
  pathOf(id, message, `/reactions/${encodeURIComponent(reaction)}`);

export async function pageOf(place: EdgeUnderTest, id: string, user = "ann") {
  const { body } = await ask(place, "GET", `/api/v1/conversations/${id}/messages`, { user });
  return { body, texts: body.messages.map(({ message }: { message: string }): string => message) as string[] };
}

export const join = (place: EdgeUnderTest, id: string, user_id: string, role = "writer"): Promise<Asked> =>
  ask(place, "POST", `/api/v1/conversations/${id}/members`, { body: { user_id, role } });

/** What a client shows. */
export function shownBy(client: TestClient, id: string): { text: string; changes?: MessageChanges }[] {
  return messages(client.view(id)).map(({ parts, changes }) => ({
    text: parts.map((part) => ("text" in part && typeof part.text === "string" ? part.text : "")).join(""),
    ...(changes === undefined ? {} : { changes }),
  }));
}
