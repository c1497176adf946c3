import { connect } from "@nats-io/transport-node";
import { messageIdOf, streams, subjects } from "@parley/protocol";
import { startSystem, type System, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { person } from "./person.ts";

let system: System;

beforeAll(async () => {
  system = await startSystem({ edges: 2, env: { "agent-worker": { ACK_WAIT_MS: "2000" } } });
});
afterAll(() => system[Symbol.asyncDispose]());

const garbage = [
  Buffer.from("not json"),
  Buffer.from([0xff, 0xfe, 0x00, 0x80]),
  Buffer.from('{"type":"token","token":{}}'),
  Buffer.from('{"type":"complete","conversation_id":"c"'),
  Buffer.from('{"type":"title","title":"of a newer version"}'),
  Buffer.alloc(200_000, "x"),
  Buffer.alloc(0),
];

it("lets nobody but the turn itself notice what cannot be read, wherever it is stored, and that turn ends", async () => {
  using here = await person(system.edges[0]!);
  using there = await person(system.edges[1]!);
  const nc = await connect({ servers: system.nats.url });
  const chat = here.conversation();
  const other = there.conversation();
  const first = await chat.send("hello");
  await chat.untilEnd(first.turn_id);
  const joined = there.conversation(chat.id);
  await joined.subscribe();
  const { turn_id } = await chat.send("hello\n/sim tokens=120 rate=40");
  const beside = await other.send("hello\n/sim tokens=120 rate=40");
  await expect.poll(() => shownTurn(chat.view, turn_id)?.text.length ?? 0).toBeGreaterThan(20);
  const places = [
    subjects.agent(0, chat.id, turn_id),
    subjects.user(0, chat.id, "planted"),
    subjects.control(0, chat.id, "planted"),
    subjects.toolResult(0, chat.id, turn_id, "planted"),
    `${subjects.eventsOf(0, chat.id).slice(0, -1)}title`,
    subjects.turns(chat.id),
    subjects.log(0, chat.id),
  ];
  for (const place of places) for (const data of garbage) await nc.request(place, data, { timeout: 2_000 });
  const [end, same, neighbour] = await Promise.all([
    chat.untilEnd(turn_id),
    joined.untilEnd(turn_id),
    other.untilEnd(beside.turn_id),
  ]);
  expect(same.response).toBe(end.response);
  expect(end.type).toBe("complete");
  expect(neighbour.type).toBe("complete");
  expect([chat, joined].map(({ view }) => shownTurn(view, turn_id)?.text)).toEqual([end.response, end.response]);

  // Who comes now, and who asks for more, is served as ever.
  using later = await person(system.edges[1]!);
  const fresh = later.conversation(chat.id);
  await fresh.subscribe();
  await expect
    .poll(() => fresh.view.transcript.map(({ message_id }) => message_id))
    .toContain(messageIdOf(turn_id, "assistant"));
  expect(fresh.view.transcript.map(({ message_id }) => message_id)).toContain(messageIdOf(first.turn_id, "user"));
  const next = await fresh.send("hello again");
  expect((await fresh.untilEnd(next.turn_id)).type).toBe("complete");
  await nc.close();
});

it("leaves settings that a newer version or an operator has raised", async () => {
  const nc = await connect({ servers: system.nats.url });
  const api = async (call: string, body: object | string = ""): Promise<{ config: Record<string, unknown> }> =>
    (await nc.request(`$JS.API.STREAM.${call}`, typeof body === "string" ? body : JSON.stringify(body))).json();
  const { config } = await api(`INFO.${streams.events(0)}`);
  const raised = { ...config, max_age: 3 * Number(config["max_age"]), max_bytes: 2 * Number(config["max_bytes"]) };
  await api(`UPDATE.${streams.events(0)}`, raised);
  await system.add("agent-worker");
  using somebody = await person(system.edges[0]!);
  const chat = somebody.conversation();
  const { turn_id } = await chat.send("hello");
  await chat.untilEnd(turn_id);
  const after = await api(`INFO.${streams.events(0)}`);
  expect(after.config).toMatchObject({ max_age: raised.max_age, max_bytes: raised.max_bytes });
  await nc.close();
});
