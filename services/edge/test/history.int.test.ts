import { createLogger } from "@parley/runtime";
import { encodeEvent, subjects } from "@parley/protocol";
import { afterAll, beforeAll, expect, it } from "vitest";
import { deliveryLimits } from "../src/delivery-limits.ts";
import { createHistory } from "../src/hub/history.ts";
import { createHub, openHub, type Hub } from "../src/hub/hub.ts";
import { createCounters } from "../src/metrics.ts";
import { token } from "./support/conversation-history.ts";
import { createWorld, type World } from "./support/edge-fixture.ts";

let world: World;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** A hub that no live copy reaches, and what is asked for it. */
async function openDeafHub(conversation: string) {
  const { bus } = world;
  const looks: number[] = [];
  const events: typeof bus.events = {
    ...bus.events,
    subscribe: (subject) => bus.events.subscribe(subject, () => undefined),
    state(shard) {
      looks.push(shard);
      return bus.events.state(shard);
    },
  };
  const hub: Hub = createHub(conversation, {
    events,
    limits: deliveryLimits,
    counters: createCounters(),
    mark: () => undefined,
    catchUp: () => undefined,
    tellDeleted: () => undefined,
    log: createLogger({ service: "test", level: "silent", format: "json" }),
  });
  await openHub(hub);
  looks.length = 0;
  const subject = subjects.agent(0, conversation, "t");
  const store = (n: number) => bus.events.append({ subject, data: encodeEvent(token("t", `w${n}`)) });
  return { hub, looks, store, history: createHistory({ ...bus, events }) };
}

it("asks once for a hundred viewers where the stream ends", async () => {
  const { hub, looks, store, history } = await openDeafHub("c_together");
  await store(0);
  const all = await Promise.all(Array.from({ length: 100 }, () => history.confirm(hub)));
  expect(all).toEqual(Array.from({ length: 100 }, () => true));
  expect(hub.ring.events).toHaveLength(1);
  expect(looks).toHaveLength(1);
});

it("asks once more for those who come while it is being asked: what they look for may have been stored since", async () => {
  const { hub, looks, store, history } = await openDeafHub("c_in_turn");
  await store(0);
  const first = history.confirm(hub);
  await Promise.resolve();
  const later: Promise<boolean>[] = [];
  for (let n = 1; n < 5; n++) {
    await store(n);
    later.push(history.confirm(hub));
    const confirmed = await later.at(-1);
    expect(confirmed).toBe(true);
    expect(hub.ring.events).toHaveLength(n + 1);
  }
  await first;
  expect(looks.length).toBeLessThanOrEqual(5);
});
