import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { kinds } from "./fuzz/kinds.ts";
import { findingLines } from "./fuzz/report.ts";
import { heldBy } from "./fuzz/edge-watch.ts";
import { fuzz, fuzzedEnvironment } from "./fuzz/run.ts";
import { openStreet, type Street } from "./neighbour/street.ts";
import { newSeed } from "./options.ts";
import { slowSenders } from "./slow-senders.ts";

let street: Street;

beforeAll(async () => {
  street = await openStreet(fuzzedEnvironment);
});
afterAll(() => street[Symbol.asyncDispose]());

const attempts = 3;

it(
  "ten seconds of hostile input find nothing wrong, and a neighbour does not notice",
  { timeout: 120_000 },
  async () => {
    const seed = newSeed();
    process.stdout.write(`fuzzing with seed ${seed}\n`);
    let { findings, harm } = await fuzz(street, { seed, seconds: 10, kinds });
    expect(findings.flatMap((finding) => findingLines(finding, seed))).toEqual([]);
    // Who shares the machine may have been busy just then, and not before: it must not be so each time.
    for (let attempt = 1; harm.isHarmed && attempt < attempts; attempt++)
      ({ findings, harm } = await fuzz(street, { seed: seed + attempt, seconds: 5, kinds }));
    expect(harm).toMatchObject({ isHarmed: false });
  },
);

const ofEachKind = 60;

it(
  "hundreds of connections that send next to nothing are ended in time, and a neighbour does not notice",
  { timeout: 120_000 },
  async () => {
    const attack = async ({ what, attack: hold, withinMs }: (typeof slowSenders)[number]) => {
      const times = await Promise.all(Array.from({ length: ofEachKind }, () => hold(street.edge.port)));
      return Math.max(...times) < withinMs ? undefined : `${what}: ${Math.max(...times)} ms`;
    };
    let { result, harm } = await street.during(Promise.all(slowSenders.map(attack)));
    expect(result.filter((late) => late !== undefined)).toEqual([]);
    for (let attempt = 1; harm.isHarmed && attempt < attempts; attempt++)
      ({ result, harm } = await street.during(Promise.all(slowSenders.map(attack))));
    expect(street.faults()).toEqual([]);
    expect(harm).toMatchObject({ isHarmed: false });
    await eventually(async () => (await heldBy(street.edge, 1)).sockets === 1, {
      what: "the neighbour's socket alone",
    });
  },
);
