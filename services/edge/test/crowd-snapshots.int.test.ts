import type { EventLog, StoredMessage } from "@parley/bus";
import { nativeDialect } from "@parley/dialects";
import { decodeJson, encodeEvent, ServerFrame, subjects, type StoredEvent } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createAnswerTimes } from "../src/delivery/answer-times.ts";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
import { createOutbox } from "../src/delivery/outbox.ts";
import type { Outlet } from "../src/delivery/outlet.ts";
import { createCounters } from "../src/figures/metrics.ts";
import { createHistory } from "../src/hub/history.ts";
import { attach, createHub, openHub, settle, type Hub, type HubViewer } from "../src/hub/hub.ts";
import { moveViewer } from "../src/hub/viewer.ts";
import { createWholeConversations } from "../src/hub/whole-conversation.ts";
import { message, token, toolEnd, toolStart } from "./support/conversation-history.ts";
import { createWorld, type World } from "./support/edge-fixture.ts";

let world: World;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const conversation = "c_crowd";
const log = createLogger({ service: "test", level: "silent", format: "json" });

async function store(event: StoredEvent, channel = "a"): Promise<number> {
  const subject = subjects.agent(0, conversation, "t").replace(/a$/, channel);
  const result = await world.bus.events.append({ subject, data: encodeEvent(event) });
  if (result.kind !== "stored") throw new Error(result.kind);
  return result.seq;
}

/** The broker, whose copies of some events wait, and whose answer to where the stream ends is given when `beforeAnswer` is over. */
function createRoute() {
  const route = {
    holds: (_message: StoredMessage): boolean => false,
    held: [] as (() => void)[],
    beforeAnswer: (): Promise<void> => Promise.resolve(),
  };
  const { events } = world.bus;
  const slow: EventLog = {
    ...events,
    subscribe: (subject, onMessage, options) =>
      events.subscribe(
        subject,
        (copy) => {
          const kept = { ...copy, data: copy.data.slice() };
          if (route.holds(kept)) route.held.push(() => onMessage(kept));
          else onMessage(kept);
        },
        options,
      ),
    state: async (shard) => {
      const stream = await events.state(shard);
      await route.beforeAnswer();
      return stream;
    },
  };
  return { route, events: slow };
}

/** A viewer whose socket takes everything. */
function createViewer(hub: Hub, onFrame: () => void): { viewer: HubViewer; frames: ServerFrame[] } {
  const frames: ServerFrame[] = [];
  const ws = {
    send(bytes: Uint8Array) {
      frames.push(decodeJson(ServerFrame, bytes));
      onFrame();
      return 1;
    },
    getBufferedAmount: () => 0,
    cork: (send: () => void) => send(),
    end: () => undefined,
  };
  const unused = { closeCode: undefined, hasSubscribed: true, asked: undefined, knowsPosts: true };
  const outlet: Outlet = { ws, dialect: nativeDialect, viewers: new Map(), laggingSinceMs: 0, owedBytes: 0, ...unused };
  const viewer = attach(hub, outlet, -1);
  moveViewer(viewer, "lagging");
  return { viewer, frames };
}

async function openConversation(events: EventLog) {
  const bus = { ...world.bus, events };
  const counters = createCounters();
  const outbox = createOutbox({ limits: deliveryLimits, counters, answers: createAnswerTimes(counters.answers) });
  const mark = (hub: Hub): void => void setImmediate(() => settle(hub));
  const queue = { tellQueue: () => undefined, lookOnce: () => Promise.resolve() };
  const lookUp = () => Promise.resolve(undefined);
  const room = { known: () => undefined, find: lookUp, lookUp };
  const nothing = () => undefined;
  const told = { isChanged: () => false, readsIn: nothing, tellDeleted: nothing };
  const giving = { ...bus, ...queue, outbox, counters, mark, room, ...told };
  const whole = createWholeConversations({ ...giving, history: createHistory(bus), log });
  const limits = { ...deliveryLimits, ringEvents: 6 };
  const unused = {
    catchUp: () => undefined,
    tellDeleted: () => undefined,
    lookAtQueue: () => undefined,
    isIdle: async () => false,
  };
  const hub = createHub(conversation, { events, limits, counters, mark, log, ...unused });
  await openHub(hub);
  return { hub, whole };
}

it("gives a crowd, one part after the other, nothing that lacks what came late meanwhile", async () => {
  const { route, events } = createRoute();
  const { hub, whole } = await openConversation(events);
  const said = { id: "client-t", message_id: "t-u", user: { id: "ann" }, message: "hello", accepted_at: 1 };
  await world.bus.turns.submit({ v: 1, conversation_id: conversation, turn_id: "t", ...said });
  await store(message("t", "hello", conversation), "user");
  await store(token("t", "words "));
  const begun = await store(toolStart("t", "k"));
  await expect.poll(() => hub.feed.intake.last).toBe(begun);
  await whole.give(createViewer(hub, () => undefined).viewer);
  expect(hub.feed.intake.sure).toBe(begun);

  let ended = 0;
  route.holds = () => true;
  route.beforeAnswer = async () => {
    route.beforeAnswer = () => Promise.resolve();
    ended = await store(toolEnd("t", "k"), "tool.k");
    for (let i = 0; i < 10; i++) await store(token("t", `w${i} `));
    await expect.poll(() => route.held.length).toBe(11);
  };
  // While the first of them are served, the text goes on, so far that the ring lets go of what it had; the result's copy is late.
  const goOn = (): void => {
    for (const pass of route.held.splice(1)) pass();
  };
  const crowd = Array.from({ length: 130 }, () => createViewer(hub, goOn));
  await Promise.all(crowd.map(({ viewer }) => whole.give(viewer)));
  const snapshots = crowd.flatMap(({ frames }) => frames).filter((frame) => frame.type === "snapshot");
  expect(snapshots).toHaveLength(crowd.length);
  const places = snapshots.map(({ seq, tool_calls }) => [seq - hub.offset >= ended, tool_calls?.[0]?.status]);
  expect(places.filter(([isAbove, status]) => isAbove !== (status === "completed"))).toEqual([]);
  expect(places.filter(([isAbove]) => isAbove).length).toBeGreaterThan(0);
});
