import { randomUUID } from "node:crypto";
import { eventually } from "@parley/testkit";
import type { EdgeUnderTest, World } from "./edge-fixture.ts";
import { ask } from "./http-client.ts";
import { enter, letIn, record } from "./rooms.ts";

/** Everything of somebody that can be: in a conversation of their own, in one of somebody else's, in one of theirs with others. */
export async function plant(
  { bus, worker }: Pick<World, "bus" | "worker">,
  edges: readonly [EdgeUnderTest, EdgeUnderTest],
  user: string,
  word: string,
) {
  const own = `c_${randomUUID()}`;
  const mine = await enter(edges[0], user);
  mine.send({ type: "message", id: "m1", message: `${word} alone`, conversation_id: own });
  const first = await mine.next("accepted");
  await record(bus, own, first.turn_id, { asker: user, answer: `${word} answered` });
  await worker.take(own, first.turn_id).complete(`${word} answered`);

  const theirs = `c_${randomUUID()}`;
  const bob = await enter(edges[1], "bob");
  bob.send({ type: "message", id: "b1", message: "bob begins", conversation_id: theirs });
  const begun = await bob.next("accepted");
  await record(bus, theirs, begun.turn_id, { asker: "bob", answer: "an answer to bob" });
  await worker.take(theirs, begun.turn_id).complete("an answer to bob");
  await letIn(bus, theirs, [user]);
  await bus.people.change(theirs, (people) => ({ people: { ...people, answers: "mention" } }));
  for (const edge of edges)
    await eventually(
      async () =>
        (await ask(edge, "GET", `/api/v1/conversations/${theirs}/members`, { user: "bob" })).body?.answers ===
        "mention",
      { what: "the rule of the room" },
    );
  mine.send({ type: "message", id: "p1", message: `${word} post`, conversation_id: theirs });
  const post = await mine.next("accepted");
  bob.send({ type: "message", id: "p2", message: "bob's post", conversation_id: theirs });
  await bob.next("accepted");
  const turn = `t_${randomUUID()}`;
  await record(bus, theirs, turn, { asker: user, answer: `${word} in a room` });
  const last = `t_${randomUUID()}`;
  await record(bus, theirs, last, { asker: "bob", answer: "bob's last answer" });
  mine.send({
    type: "react",
    id: "r1",
    conversation_id: theirs,
    message_id: `${begun.turn_id}-a`,
    reaction: "👍",
    on: true,
  });
  mine.send({
    type: "feedback",
    conversation_id: theirs,
    message_id: `${last}-a`,
    rating: "up",
    comment: `${word} good`,
  });
  mine.send({ type: "read", conversation_id: theirs, message_id: `${last}-a` });
  await bus.memories.change({ user, tenant: undefined }, (memory) => ({
    ...memory,
    facts: [{ id: "m_1", text: `${word} remembered`, by: "user", ts: 1 }],
  }));

  const brought = {
    owner: { user },
    name: `${word}.txt`,
    bytes: Buffer.from(`${word} in a file`),
    origin: "tool",
  } as const;
  await bus.files.bring({ ...brought, conversation: theirs });
  const body = `${word} of my own`;
  const file = await bus.files.begin({
    owner: { user },
    clientId: "f1",
    name: `${word}.txt`,
    mediaType: "text/plain",
    bytes: body.length,
    origin: "user",
  });
  await bus.files.append(file.file_id, 0, Buffer.from(body));
  await bus.files.finish(file.file_id);

  await bus.noticeRecords.change(user, (choice) => ({ ...choice, wants: "all" }));

  const room = `c_${randomUUID()}`;
  mine.send({ type: "message", id: "o1", message: `${word} in my room`, conversation_id: room });
  const { turn_id } = await mine.next("accepted");
  await record(bus, room, turn_id, { asker: user, answer: `${word} answered there` });
  await worker.take(room, turn_id).complete("x");
  await letIn(bus, room, ["bob"]);
  const bobs = `t_${randomUUID()}`;
  await record(bus, room, bobs, { asker: "bob", answer: "kept for bob" });
  return { own, theirs, room, mine, bob, post };
}
