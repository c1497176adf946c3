import { ChatError, encodeJson } from "@parley/protocol";
import { expect, it } from "vitest";
import { createGuests } from "../src/commands/guests.ts";
import type { HubConnection } from "../src/hub/hub.ts";

it("sends away who lost a conversation before it could be told, and keeps who has it", async () => {
  const told: unknown[] = [];
  const guests = createGuests({
    outbox: { sendFrame: (_to: unknown, frame: unknown) => void told.push(frame) } as never,
    known: { peek: () => undefined, lookUp: () => Promise.resolve(undefined) },
  });
  const viewer = { state: "live", source: { conversation: "c_1", viewers: new Set(), deps: {} }, outlet: {} };
  const connection = {
    viewers: new Map([["c_1", viewer]]),
    caller: { user: { id: "olga" } },
  } as unknown as HubConnection;
  viewer.outlet = connection;
  guests.add(connection, "c_1");
  await guests.confirm(connection, "c_1", Promise.resolve("operator"));
  expect([connection.viewers.size, told]).toEqual([1, []]);
  await guests.confirm(connection, "c_1", Promise.reject(new ChatError("FORBIDDEN")));
  expect(connection.viewers.size).toBe(0);
  expect(told).toMatchObject([{ type: "error", code: "FORBIDDEN", conversation_id: "c_1" }]);
});

it("keeps who was let in again when their removal is told late, and sends away who was not", () => {
  const told: unknown[] = [];
  const bert = { user: { id: "bert" } };
  const people = { owner: { id: "ann" }, members: [{ id: "bert", role: "writer", since: 1 }] };
  const remembered = { owner: { userId: "ann" }, people, n: 3 };
  const guests = createGuests({
    outbox: { sendFrame: (_to: unknown, frame: unknown) => void told.push(frame) } as never,
    known: { peek: () => remembered, lookUp: () => Promise.resolve(remembered) } as never,
  });
  const viewers = new Set<unknown>();
  const hub = { conversation: "c_1", viewers, offset: 0, deps: {} };
  const viewer = { state: "live", source: hub, cursor: 5, fromSeq: 0, sentSeq: 0, outlet: {} };
  viewer.outlet = { viewers: new Map([["c_1", viewer]]), caller: bert };
  viewers.add(viewer);
  const removalOf = (n: number) => {
    const rest = { answers: "mention", agents: [], member_count: 1, ts: 1, n };
    const event = { type: "member", conversation_id: "c_1", people: [{ id: "bert", role: null }], ...rest };
    return { seq: n, turn: "", type: "member", frame: Buffer.from(encodeJson({ seq: n, ...event })) };
  };
  guests.look(hub as never, removalOf(2) as never);
  expect(told).toEqual([]);
  guests.look(hub as never, removalOf(3) as never);
  expect(told).toMatchObject([{ type: "error", code: "FORBIDDEN", conversation_id: "c_1" }]);
  expect(viewer.outlet).toMatchObject({ wanted: new Map([["c_1", 5]]) });
});
