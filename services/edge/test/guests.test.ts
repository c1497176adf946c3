import { ChatError } from "@parley/protocol";
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
