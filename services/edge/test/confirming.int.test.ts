import type { EventLog } from "@parley/bus";
import { encodeEvent, subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { afterAll, beforeAll, expect, it } from "vitest";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
import { createCounters } from "../src/figures/metrics.ts";
import { closeHub, createHub, openHub, sweepHub } from "../src/hub/hub.ts";
import { message, token } from "./support/conversation-history.ts";
import { createWorld, type World } from "./support/edge-fixture.ts";

let world: World;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

it("a hub that could not make certain of what came, because the broker did not answer, does so later", async () => {
  const { events } = world.bus;
  const conversation = "c_confirming";
  let failures = 0;
  let isAway = false;
  const broken: EventLog = {
    ...events,
    state: async (shard) => {
      if (!isAway) return events.state(shard);
      failures++;
      throw new Error("the broker does not answer");
    },
  };
  const hub = createHub(conversation, {
    events: broken,
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
  await events.append({
    subject: subjects.user(0, conversation, "t"),
    data: encodeEvent(message("t", "?", conversation)),
  });
  const chain = { subject: subjects.agent(0, conversation, "t"), data: encodeEvent(token("t", "w")) };
  await Promise.all(Array.from({ length: 2_050 }, () => events.append(chain)));
  const { intake } = hub.feed;
  await expect.poll(() => intake.isUnsure).toBe(true);

  isAway = true;
  sweepHub(hub, performance.now());
  await expect.poll(() => failures).toBe(1);
  isAway = false;
  await expect
    .poll(() => {
      sweepHub(hub, performance.now());
      return intake.sure;
    })
    .toBe(intake.last);
  closeHub(hub);
});
