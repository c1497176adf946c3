import type { EventLog } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { eventually } from "@parley/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
import { createCounters } from "../src/figures/metrics.ts";
import { createHistory, type History } from "../src/hub/history.ts";
import { closeHub, createHub, isLive, openHub, settle, syncHub, type Hub } from "../src/hub/hub.ts";
import { visibleEventOf } from "../src/hub/visible-event.ts";
import { createWorld, type World } from "./support/edge-fixture.ts";
import { createHeldRoute, createWriters } from "./support/storm.ts";

type Writers = ReturnType<typeof createWriters>;

let world: World;
let runs = 0;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

type Act =
  | { readonly kind: "write"; readonly what: "say" | "token" | "tool" | "endRunning" | "cancelWaiting" | "answer" }
  | { readonly kind: "pass"; readonly choice: number; readonly copies: number }
  | { readonly kind: "lose"; readonly choice: number }
  /** Somebody needs to know what is stored: in all, from the beginning on, or after a connection came back. */
  | { readonly kind: "look"; readonly how: "confirm" | "root" | "sync" };

const write = fc.record({
  kind: fc.constant("write" as const),
  what: fc.constantFrom("say", "token", "tool", "endRunning", "cancelWaiting", "answer", "answer", "answer"),
});
const pass = fc.record({
  kind: fc.constant("pass" as const),
  choice: fc.nat(20),
  copies: fc.integer({ min: 1, max: 8 }),
});
const lose = fc.record({ kind: fc.constant("lose" as const), choice: fc.nat(20) });
const look = fc.record({ kind: fc.constant("look" as const), how: fc.constantFrom("confirm", "root", "sync") });
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 10, arbitrary: write },
  { weight: 14, arbitrary: pass },
  { weight: 1, arbitrary: lose },
  { weight: 1, arbitrary: look },
);

const log = createLogger({ service: "test", level: "silent", format: "json" });

interface Place {
  readonly hub: Hub;
  readonly route: ReturnType<typeof createHeldRoute>;
  readonly history: History;
  readonly writers: Writers;
}

/** A hub to which copies come as the test passes them on. */
async function openPlace(ringEvents: number): Promise<Place> {
  const { bus } = world;
  const conversation = `certain-${++runs}`;
  const route = createHeldRoute();
  const events: EventLog = {
    ...bus.events,
    subscribe: (subject, onMessage, options) =>
      bus.events.subscribe(
        subject,
        (message) => {
          const kept = { ...message, data: message.data.slice() };
          route.lose(kept, () => onMessage(kept));
        },
        options,
      ),
  };
  const hub = createHub(conversation, {
    events,
    limits: { ...deliveryLimits, ringEvents },
    counters: createCounters(),
    mark: settle,
    catchUp: () => undefined,
    tellDeleted: () => undefined,
    lookAtQueue: () => undefined,
    isIdle: async () => false,
    log,
  });
  await openHub(hub);
  return { hub, route, history: createHistory({ ...bus, events }), writers: createWriters(bus, conversation) };
}

async function play(one: Act, { hub, route, history, writers }: Place): Promise<unknown> {
  switch (one.kind) {
    case "write":
      return writers[one.what]();
    case "pass":
      // What was stored before has come.
      await world.bus.events.flush();
      return route.pass(one.choice, one.copies);
    case "lose":
      await world.bus.events.flush();
      return route.drop(one.choice);
    case "look":
      if (one.how === "sync") return syncHub(hub, Infinity);
      return one.how === "confirm" ? history.confirm(hub) : history.root(hub, await history.queued(hub));
  }
}

/** What the hub lacks of what it says that it has. */
async function lackingIn({ conversation, feed, ring, offset }: Hub): Promise<string[]> {
  const stored = await world.bus.events.read(conversation, { fromSeq: 1, toSeq: feed.intake.sure });
  const has = new Set(ring.events.map(({ seq }) => seq));
  return stored.flatMap((message) => {
    const { seq, subject } = message;
    const isShown = visibleEventOf(message, "", offset) !== undefined;
    const isThere = feed.intake.wasTaken(message) || seq <= ring.floor;
    return isThere && (!isShown || has.has(seq) || seq <= ring.floor) ? [] : `${subject} at ${seq}`;
  });
}

it("a hub has all that it takes for certain, whichever copies are late or lost", async () => {
  const acts = fc.array(act, { minLength: 10, maxLength: 80 });
  await fc.assert(
    fc.asyncProperty(acts, fc.constantFrom(6, 512), async (all, ringEvents) => {
      const place = await openPlace(ringEvents);
      const { hub } = place;
      for (const one of all) {
        await play(one, place);
        await eventually(() => isLive(hub), { what: "all is read", intervalMs: 1 });
        expect({ sure: hub.feed.intake.sure, lacking: await lackingIn(hub) }).toMatchObject({ lacking: [] });
      }
      closeHub(hub);
    }),
    // Shrinking would play some hundred of them again.
    { numRuns: 30, endOnFailure: true },
  );
}, 600_000);
