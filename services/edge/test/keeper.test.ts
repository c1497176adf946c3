import type { Bus } from "@parley/bus";
import { Retention, type ErasureRecord, type SweepRecord } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually } from "@parley/testkit";
import { afterEach, expect, it, vi } from "vitest";
import { startKeeper } from "../src/commands/privacy/keeper.ts";
import { createSweep, type SweepDeps } from "../src/commands/privacy/sweep.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const dayMs = 86_400_000;
const owner = { userId: "ann", tenant: undefined };

afterEach(() => vi.restoreAllMocks());

interface World {
  /** By the broker's clock. */
  readonly nowMs?: () => number;
  readonly updatedMs: number;
  readonly members?: readonly string[];
  readonly conversations: number;
}

/** A log of so many conversations of one age. */
function brokerOf({ nowMs = Date.now, updatedMs, members, conversations }: World) {
  let place: SweepRecord | undefined;
  const held = new Set<string>();
  const people = members && { people: { owner: { id: "ann" }, members: members.map((id) => ({ id })) } };
  const bus = {
    clock: { nowMs: async () => nowMs() },
    conversations: {
      ownerAfter: async ({ seq }: { seq: number }) =>
        seq < conversations ? { shard: 0, seq: seq + 1, conversation: `c_${seq}`, owner } : undefined,
      updatedAt: async () => updatedMs,
    },
    people: { of: async () => people },
    privacy: {
      sweepPlace: async () => place,
      changeSweep: async (next: (last: SweepRecord | undefined) => SweepRecord | undefined) => (place = next(place)),
      holds: async () => [],
      heldBy: async ({ users = [] }: { users?: readonly string[] }) =>
        users.some((id) => held.has(id)) ? {} : undefined,
      leaseOf: async () => undefined,
      lease: async () => 1,
      release: async () => {},
    },
  } as unknown as Bus;
  return { bus, held };
}

const retention = () => Retention.parse({ conversation_days: 30, sweep_per_second: 200, sweep_every_s: 1 });
const deps = (bus: Bus, deleteIfOld: SweepDeps["deleteIfOld"]): SweepDeps => ({ bus, deleteIfOld, retention, log });

it("whoever asks to be forgotten does not wait for the end of a round of the sweep", { timeout: 30_000 }, async () => {
  const { bus } = brokerOf({ updatedMs: Date.now(), conversations: 1_000_000 });
  const sweep = createSweep(deps(bus, async () => false));
  let asked: ErasureRecord[] = [];
  const run = vi.fn(async () => {});
  const keeper = startKeeper({ bus, erasures: { run, open: async () => asked }, sweep, log, everyMs: 50 });
  await eventually(async () => keeper.state().isWorking, { what: "the sweep" });
  asked = [{ state: "running" } as unknown as ErasureRecord];
  await eventually(() => run.mock.calls.length > 0, { what: "the erasure", timeoutMs: 10_000 });
  await keeper.close();
});

it("a clock that is a year ahead deletes nothing", async () => {
  const trueMs = Date.now();
  const { bus } = brokerOf({ nowMs: () => trueMs, updatedMs: trueMs - dayMs, conversations: 3 });
  vi.spyOn(Date, "now").mockReturnValue(trueMs + 365 * dayMs);
  const deleteIfOld = vi.fn(async () => true);
  await createSweep(deps(bus, deleteIfOld)).step(new AbortController().signal);
  expect(deleteIfOld).not.toHaveBeenCalled();
});

it("a hold on a member counts from the moment it is there", async () => {
  const { bus, held } = brokerOf({ updatedMs: Date.now() - 31 * dayMs, members: ["bob"], conversations: 2 });
  const deleteIfOld = vi.fn(async () => {
    held.add("bob");
    return true;
  });
  await createSweep(deps(bus, deleteIfOld)).step(new AbortController().signal);
  expect(deleteIfOld).toHaveBeenCalledTimes(1);
});
