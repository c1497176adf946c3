import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { serveRole } from "../measure/role.ts";
import { inBatches } from "../sockets/together.ts";
import { dialectNames, dialects } from "./dialects.ts";
import { openPerson, type Outcome, type Person } from "./person.ts";
import { modelMs } from "./workload.ts";

const Options = z.object({
  dialect: z.enum(dialectNames),
  port: z.number(),
  secret: z.string(),
  people: z.number().int(),
  /** 0: they ask on and on. */
  turns: z.number().int(),
  workload: z.object({ tokens: z.number(), rate: z.number(), cycleMs: z.number(), hasTool: z.boolean() }),
});

const connectsAtOnce = 20;

function createTally() {
  const fresh = () => ({ firstMs: [] as number[], beyondMs: [] as number[], outcomes: {} as Record<string, number> });
  let tally = fresh();
  return {
    first: (ms: number) => void tally.firstMs.push(ms),
    end(outcome: Outcome, beyondMs: number): void {
      tally.outcomes[outcome] = (tally.outcomes[outcome] ?? 0) + 1;
      if (outcome === "right") tally.beyondMs.push(beyondMs);
    },
    take() {
      const taken = tally;
      tally = fresh();
      return taken;
    },
  };
}

/** All people of a row, in one process. */
await serveRole(Options, async ({ dialect, port, secret, people: count, turns, workload }) => {
  const tally = createTally();
  const people: Person[] = [];
  const run = `bench${Date.now().toString(36)}`;
  await inBatches(count, connectsAtOnce, async (number) => {
    const person = await openPerson({
      ...{ number, run, port, secret, turns, workload, dialect: dialects[dialect] },
      onFirst: tally.first,
      onEnd: (outcome, afterMs) => tally.end(outcome, afterMs - modelMs(workload)),
    });
    people.push(person);
  });
  return {
    /** They begin evenly spread over one cycle. */
    async start() {
      const startedAt = performance.now();
      for (const [index, person] of people.entries()) {
        const waitMs = startedAt + (index / count) * workload.cycleMs - performance.now();
        if (waitMs > 1) await delay(waitMs);
        person.ask();
      }
    },
    /** What was measured since it was last taken. */
    take: () => tally.take(),
    mark() {
      for (const person of people) person.mark();
    },
    states: () => people.map(({ state }) => state),
    close() {
      for (const person of people) person.close();
    },
  };
});
