import { encodeEvent, messageEventOf, streams, subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { afterAll, beforeAll, expect, it } from "vitest";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
import { createCounters } from "../src/figures/metrics.ts";
import { createHistory } from "../src/hub/history.ts";
import { createHub, openHub, type Hub } from "../src/hub/hub.ts";
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
  let given = Promise.resolve();
  let noteAnswer = (): void => undefined;
  const events: typeof bus.events = {
    ...bus.events,
    subscribe: (subject) => bus.events.subscribe(subject, () => undefined),
    async state(shard) {
      looks.push(shard);
      const state = await bus.events.state(shard);
      noteAnswer();
      await given;
      return state;
    },
  };
  /** Keeps the broker's answer to the next question back. */
  const delay = () => {
    let give = (): void => undefined;
    given = new Promise((resolve) => (give = resolve));
    const came = new Promise<void>((resolve) => (noteAnswer = resolve));
    return { came, give: () => give() };
  };
  const hub: Hub = createHub(conversation, {
    events,
    limits: deliveryLimits,
    counters: createCounters(),
    mark: () => undefined,
    catchUp: () => undefined,
    tellDeleted: () => undefined,
    lookAtQueue: () => undefined,
    isIdle: async () => false,
    log: createLogger({ service: "test", level: "silent", format: "json" }),
  });
  await openHub(hub);
  looks.length = 0;
  const subject = subjects.agent(0, conversation, "t");
  const store = (n: number) => bus.events.append({ subject, data: encodeEvent(token("t", `w${n}`)) });
  return { hub, looks, store, delay, history: createHistory({ ...bus, events }) };
}

it("asks once for a hundred viewers where the stream ends", async () => {
  const { hub, looks, store, history } = await openDeafHub("c_together");
  await store(0);
  const all = await Promise.all(Array.from({ length: 100 }, () => history.confirm(hub)));
  expect(all).toEqual(Array.from({ length: 100 }, () => true));
  expect(hub.ring.events).toHaveLength(1);
  expect(looks).toHaveLength(1);
});

it("asks once more for who comes while it is being asked: what they look for may have been stored since", async () => {
  const { hub, looks, store, history, delay } = await openDeafHub("c_in_turn");
  const answer = delay();
  const first = history.confirm(hub);
  await answer.came;
  await store(0);
  const later = [history.confirm(hub), history.confirm(hub)];
  answer.give();
  expect(await Promise.all([first, ...later])).toEqual([true, true, true]);
  expect(hub.ring.events).toHaveLength(1);
  expect(looks).toHaveLength(2);
});

it("is not taken for all there is when the stream forgot a queued turn between the looks at queue and stream", async () => {
  const { bus } = world;
  const { hub, history } = await openDeafHub("c_forgotten");
  const common = { v: 1 as const, turn_id: "t_forgotten", conversation_id: "c_forgotten", message_id: "t_forgotten-u" };
  const request = { ...common, user: { id: "ann" }, id: "m", message: "hello", accepted_at: Date.now() };
  await bus.turns.submit(request);
  await bus.events.writeOnce(subjects.user(0, "c_forgotten", "t_forgotten"), messageEventOf(request));
  const queued = await history.queued(hub);
  expect(queued.starts).toHaveLength(1);
  await bus.nc.request(`$JS.API.STREAM.PURGE.${streams.events(0)}`);
  await expect(history.root(hub, queued)).rejects.toThrow("forgotten");
  expect(hub.ring.rooted).toBe(false);
  expect(await history.root(hub, await history.queued(hub))).toMatchObject({ rooted: true });
});
