import { nativeDialect } from "@parley/dialects";
import { encodeEvent, subjects, type StoredEvent } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createAnswerTimes } from "../src/delivery/answer-times.ts";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
import { createOutbox } from "../src/delivery/outbox.ts";
import type { Outlet } from "../src/delivery/outlet.ts";
import { createCounters } from "../src/figures/metrics.ts";
import { createCatchUp, type CatchUp } from "../src/hub/catch-up.ts";
import { createHistory } from "../src/hub/history.ts";
import { attach, createHub, openHub, pauseHub, syncHub, type Hub } from "../src/hub/hub.ts";
import { moveViewer } from "../src/hub/viewer.ts";
import { message, token } from "./support/conversation-history.ts";
import { createWorld, type World } from "./support/edge-fixture.ts";

let world: World;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** A socket that takes everything. */
function openOutlet(): { outlet: Outlet; sent: string[] } {
  const sent: string[] = [];
  const ws = {
    send: (frame: Uint8Array) => sent.push(new TextDecoder().decode(frame)) && 1,
    getBufferedAmount: () => 0,
    cork: (send: () => void) => send(),
    end: () => undefined,
  };
  const unused = { closeCode: undefined, hasSubscribed: true, asked: undefined, knowsPosts: true };
  return {
    outlet: { ws, dialect: nativeDialect, viewers: new Map(), laggingSinceMs: 0, owedBytes: 0, ...unused },
    sent,
  };
}

/** A conversation with a hub, whose readings fail while `isBroken` is set. */
async function openConversation(conversation: string) {
  const { bus } = world;
  const log = createLogger({ service: "test", level: "silent", format: "json" });
  const broken = { isBroken: false };
  const history = createHistory(bus);
  const counters = createCounters();
  const outbox = createOutbox({ limits: deliveryLimits, counters, answers: createAnswerTimes(counters.answers) });
  const catchUp: CatchUp = createCatchUp({
    outbox,
    counters,
    mark: () => undefined,
    tellQueue: () => undefined,
    history: {
      ...history,
      isQuietSince: (...asked) =>
        broken.isBroken ? Promise.reject(new Error("no answer")) : history.isQuietSince(...asked),
    },
    whole: { give: () => Promise.reject(new Error("nobody needs it here")) },
    log,
  });
  const store = async (event: StoredEvent): Promise<number> => {
    const subject =
      event.type === "message" ? subjects.user(0, conversation, "t") : subjects.agent(0, conversation, "t");
    const result = await bus.events.append({ subject, data: encodeEvent(event) });
    if (result.kind !== "stored") throw new Error(result.kind);
    return result.seq;
  };
  const begin = await store(message("t", "hello", conversation));
  await store(token("t", "one"));
  const hub: Hub = createHub(conversation, {
    events: bus.events,
    limits: deliveryLimits,
    counters,
    mark: () => undefined,
    catchUp: catchUp.catchUp,
    tellDeleted: () => undefined,
    lookAtQueue: () => undefined,
    isIdle: async () => false,
    log,
  });
  await openHub(hub);
  return { hub, begin, store, broken, history, catchUp };
}

it("brings a viewer to the present again, that was brought there after a reading for it had failed", async () => {
  const { hub, begin, store, broken, history, catchUp } = await openConversation("c_again");
  const { outlet, sent } = openOutlet();
  const viewer = attach(hub, outlet, begin);
  moveViewer(viewer, "lagging");
  broken.isBroken = true;
  await catchUp.bring(viewer);
  expect(viewer.state).toBe("lagging");
  broken.isBroken = false;
  // For another viewer: now the ring has what this one lacks.
  await history.from(hub, begin);
  catchUp.sweep();
  expect(viewer.state).toBe("live");

  pauseHub(hub);
  await store(token("t", "two"));
  await syncHub(hub, Infinity);
  await eventually(() => viewer.state === "live", { timeoutMs: 2_000, what: "the viewer is live" });
  expect(sent.join()).toContain('"token":"two"');
});
