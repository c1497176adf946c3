import { randomUUID } from "node:crypto";
import {
  encodeJson,
  messageIdOf,
  subjects,
  type ChangesRecord,
  type PeopleRecord,
  type PostRecord,
} from "@parley/protocol";
import type { Workbench } from "../workbench.ts";

/** What edges store of rooms, for tests of workers alone. */

export const ann = { id: "ann", name: "Ann" };
export const bob = { id: "bob", name: "Bob" };

async function store(bench: Workbench, subject: string, record: object, expectSeq = 0): Promise<number> {
  const result = await bench.bus.events.append({ subject, data: encodeJson(record), expect: expectSeq });
  if (result.kind !== "stored") throw new Error(`not stored: ${result.kind}`);
  return result.seq;
}

export async function people(
  bench: Workbench,
  conversation: string,
  has: NonNullable<PeopleRecord["people"]>["has"] = {},
) {
  const agentsHere = [
    { handle: "mechanic", agent: "general" },
    { handle: "parts", agent: "stock" },
  ];
  const record: PeopleRecord = {
    ...{ v: 1, kind: "people", conversation_id: conversation, n: 1, ts: Date.now() },
    people: {
      owner: ann,
      members: [{ ...bob, role: "writer", since: 1 }],
      ...{ invites: [], agents: agentsHere, pins: [], has },
    },
  };
  await store(bench, subjects.people(bench.bus.events.shardOf(conversation), conversation), record);
}

/** All of them, each behind the one before it. */
export async function posts(
  bench: Workbench,
  conversation: string,
  said: readonly { message: string; after: string | null }[],
): Promise<string[]> {
  let prev = 0;
  const ids: string[] = [];
  for (const [at, { message, after }] of said.entries()) {
    const turn_id = `post${at}${randomUUID().slice(0, 8)}`;
    const message_id = messageIdOf(turn_id, "user");
    const record: PostRecord = {
      ...{ v: 1, kind: "post", conversation_id: conversation, prev, ts: Date.now() },
      post: {
        ...{ type: "post", conversation_id: conversation, turn_id, message_id, id: turn_id, message, after, n: at + 1 },
        ...{ author: { role: "user", ...bob }, ts: Date.now() - 60_000 },
      },
    };
    prev = await store(bench, subjects.post(bench.bus.events.shardOf(conversation), conversation), record, prev);
    ids.push(message_id);
  }
  return ids;
}

export async function change(
  bench: Workbench,
  conversation: string,
  message_id: string,
  stands: Partial<ChangesRecord["changes"]>,
) {
  const record: ChangesRecord = {
    ...{ v: 1, kind: "changes", conversation_id: conversation, ts: Date.now() },
    changes: { message_id, n: 1, reactions: [], ...stands },
  };
  await store(bench, subjects.change(bench.bus.events.shardOf(conversation), conversation, message_id), record);
}
