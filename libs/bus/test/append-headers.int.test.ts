import { streams, subjects } from "@parley/protocol";
import { expect, it } from "vitest";
import { openTestBus } from "./workbench.ts";

const data = new TextEncoder().encode("{}");

it("sends with each append its own expectation, also when many leave together", async () => {
  await using bench = await openTestBus();
  const { events, nc } = bench.bus;
  const subject = (n: number): string => subjects.user(0, "c1", `t${n}`);
  const turns = Array.from({ length: 40 }, (_, n) => n);
  const first = await Promise.all(turns.map((n) => events.append({ subject: subject(n), data, expect: 0 })));
  const seqs = first.map((result) => (result.kind === "stored" ? result.seq : -1));
  expect(new Set(seqs).size).toBe(40);
  // Every other one expects what is not there.
  const expected = seqs.map((seq, n) => (n % 2 === 0 ? seq : 0));
  const second = await Promise.all(
    turns.map((n) => events.append({ subject: subject(n), data, expect: expected[n]! })),
  );
  expect(second.map(({ kind }) => kind)).toEqual(turns.map((n) => (n % 2 === 0 ? "stored" : "refused")));
  const kept = await nc.request(`${subjects.directGet(streams.events(0))}.${subject(2)}`);
  expect(kept.headers?.get("Nats-Expected-Last-Subject-Sequence")).toBe(String(seqs[2]));
});
