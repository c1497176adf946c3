import type { EventLog } from "@parley/bus";
import { encodeEvent, subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
import { createCounters } from "../src/figures/metrics.ts";
import { closeHub, createHub, isLive, openHub } from "../src/hub/hub.ts";
import { message } from "./support/conversation-history.ts";
import { createWorld, type World } from "./support/edge-fixture.ts";

let world: World;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

it("a hub has all that came while it was opened, also if that was more than may wait", async () => {
  const { events } = world.bus;
  const conversation = "c_opening";
  const asked = ["one", "two", "three", "four", "five"];
  let arrived = 0;
  const slow: EventLog = {
    ...events,
    subscribe: (subject, onMessage, options) =>
      events.subscribe(
        subject,
        (copy) => {
          onMessage(copy);
          arrived++;
        },
        options,
      ),
    // The answer takes long.
    state: async (shard) => {
      const stream = await events.state(shard);
      for (const turn of arrived === 0 ? asked : []) {
        const data = encodeEvent(message(turn, turn, conversation));
        await events.append({ subject: subjects.user(shard, conversation, turn), data });
      }
      await expect.poll(() => arrived).toBe(asked.length);
      return stream;
    },
  };
  const hub = createHub(conversation, {
    events: slow,
    limits: { ...deliveryLimits, syncQueueMessages: 2 },
    counters: createCounters(),
    mark: () => undefined,
    catchUp: () => undefined,
    tellDeleted: () => undefined,
    lookAtQueue: () => undefined,
    isIdle: async () => false,
    log: createLogger({ service: "test", level: "silent", format: "json" }),
  });
  await openHub(hub);
  await eventually(() => isLive(hub), { what: "a hub that is live" });
  expect(hub.ring.events.map(({ turn }) => turn)).toEqual(asked);
  closeHub(hub);
});
