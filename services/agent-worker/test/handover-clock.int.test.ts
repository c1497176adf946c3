import { randomUUID } from "node:crypto";
import type { HandoverWish } from "@parley/bus";
import { jetstreamManager } from "@nats-io/jetstream";
import { streams, subjects } from "@parley/protocol";
import { eventually, startJumpingClock } from "@parley/testkit";
import { expect, it } from "vitest";
import { startWorkbench, type Workbench } from "./workbench.ts";

const minuteMs = 60_000;

function wish(waitMs: number): HandoverWish {
  const turn_id = randomUUID().replaceAll("-", "");
  return { by: { role: "user", id: "ann" }, user: { id: "ann" }, turn_id, waitMs, idleMs: minuteMs };
}

/** How long it stood, from one record to the other, by the broker's clock. */
async function stoodMs({ bus }: Workbench, conversation: string): Promise<number> {
  const shard = bus.events.shardOf(conversation);
  const subject = subjects.handover(shard, conversation);
  const jsm = await jetstreamManager(bus.nc);
  const [first, last] = await Promise.all(
    [{ seq: 1, next_by_subj: subject }, { last_by_subj: subject }].map((query) =>
      jsm.streams.getMessage(streams.log(shard), query),
    ),
  );
  return (last?.time.getTime() ?? 0) - (first?.time.getTime() ?? Infinity);
}

it.each([10, -10])(
  "a worker whose clock is %d min off ends a hand-over when its time is over, and neither earlier nor later",
  { timeout: 120_000 },
  async (minutes) => {
    await using bench = await startWorkbench();
    await using clock = await startJumpingClock(minutes * minuteMs);
    await bench.addWorker({ ...clock.env, JANITOR_MS: "200" });
    const { handovers } = bench.bus;
    const [long, short] = [`c_${randomUUID()}`, `c_${randomUUID()}`];
    await handovers.ask(long, wish(5 * minuteMs));
    await handovers.ask(short, wish(1_500));
    await eventually(async () => (await handovers.of(short))?.state === "ended", {
      what: "its end",
      timeoutMs: 20_000,
    });
    expect(await handovers.of(short)).toMatchObject({ ended: "nobody came" });
    expect(await stoodMs(bench, short)).toBeGreaterThanOrEqual(1_500);
    // It was looked at in the same rounds.
    expect(await handovers.of(long)).toMatchObject({ state: "waiting" });
  },
);
