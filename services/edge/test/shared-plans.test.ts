import fc from "fast-check";
import { expect, it } from "vitest";
import { planCatchUp, planCompletion } from "../src/hub/catch-up-plan.ts";
import { append, createRing, enforceLimits, insert, trim } from "../src/hub/ring.ts";
import { createPlanner } from "../src/hub/shared-plans.ts";
import { complete, histories, message, token, visible } from "./support/conversation-history.ts";

const limits = { replayEvents: 3, replayBytes: 2_000, rawRunEvents: 1, rawRunBytes: 400 };

it("plans for each viewer what would be planned for it alone, however the ring has changed since", () => {
  fc.assert(
    fc.property(
      histories,
      fc.array(fc.nat(80), { minLength: 1, maxLength: 4 }),
      fc.nat(6),
      (events, cursors, lateBy) => {
        const plan = createPlanner(limits);
        const ring = createRing(0);
        ring.rooted = true;
        // One comes later than those after it.
        const late = events[Math.floor(events.length / 2)];
        const check = (): void => {
          for (const cursor of cursors) {
            for (const sure of [ring.events.at(-3)?.seq ?? 0, ring.events.at(-1)?.seq ?? ring.floor]) {
              expect(plan(ring, { cursor, sure })).toEqual(planCatchUp(ring, { cursor, sure }, limits));
              const doubted = { cursor, sure, turn: "t1" };
              expect(plan(ring, doubted)).toEqual(planCompletion(ring, doubted, limits));
            }
          }
        };
        for (const [i, event] of events.entries()) {
          if (event !== late) append(ring, event);
          check();
          if (late !== undefined && i === events.indexOf(late) + lateBy) insert(ring, late);
          check();
          enforceLimits(ring, { ringEvents: 12, ringBytes: 1_000_000 });
          check();
        }
        trim(ring);
        check();
      },
    ),
    { numRuns: 30 },
  );
});

it("makes a snapshot once for viewers with different cursors", () => {
  const plan = createPlanner(limits);
  const ring = createRing(0);
  ring.rooted = true;
  append(ring, visible(1, message("t")));
  for (let seq = 2; seq < 20; seq++) append(ring, visible(seq, token("t", `w${seq} `)));
  const snapshotFor = (cursor: number) => {
    const planned = plan(ring, { cursor, sure: Infinity });
    return planned.kind === "steps" ? planned.steps.find(({ kind }) => kind === "snapshot") : undefined;
  };
  const [one, other] = [snapshotFor(1), snapshotFor(7)];
  expect(one).toBeDefined();
  expect(other).toBe(one);
  append(ring, visible(20, complete("t", "all")));
  expect(snapshotFor(7)).not.toBe(one);
});
