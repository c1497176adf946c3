import { describe, expect, it } from "vitest";
import { createReadQueue, type Read } from "../src/read-queue.ts";
import { createCollection } from "../src/stream-reading.ts";

/** A queue whose reads end only when the test says so. */
function heldQueue(coveredFrom = Infinity) {
  const alone: Read[] = [];
  const together: Read[][] = [];
  let open: () => void = () => {};
  let scanning = 0;
  let mostScans = 0;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const read = createReadQueue({
    async readOne(one) {
      alone.push(one);
      await gate;
      return createCollection(0);
    },
    async readTogether(reads) {
      together.push([...reads]);
      scanning++;
      mostScans = Math.max(mostScans, scanning);
      await Promise.resolve();
      scanning--;
      return reads.map(() => createCollection(0));
    },
    covers: (fromSeq) => fromSeq >= coveredFrom,
  });
  return { read, alone, together, open: () => open(), mostScans: () => mostScans };
}

function at(fromSeq: number, i: number): Read {
  return { conversation: `c${i}`, fromSeq, toSeq: 1_000_000 };
}

describe("readers that come at once", () => {
  it("share a scan once four of them are being served", async () => {
    const { read, alone, together, open } = heldQueue();
    const reads = Array.from({ length: 100 }, (_, i) => read(at(990_000, i)));
    expect(alone).toHaveLength(4);
    open();
    await Promise.all(reads);
    expect(together.map(({ length }) => length)).toEqual([96]);
    expect(alone).toHaveLength(4);
  });

  it("wait for the next scan while one runs", async () => {
    const { read, together, open, mostScans } = heldQueue();
    const reads = Array.from({ length: 60 }, (_, i) => read(at(990_000, i)));
    open();
    await reads[0];
    reads.push(...Array.from({ length: 60 }, (_, i) => read(at(990_000, 100 + i))));
    await Promise.all(reads);
    expect(together.length).toBeGreaterThan(1);
    expect(mostScans()).toBe(1);
  });

  it("do not share it with one that needs far older events", async () => {
    const { read, alone, together, open } = heldQueue();
    const recent = Array.from({ length: 40 }, (_, i) => read(at(990_000, i)));
    const old = read(at(1, 99));
    open();
    await Promise.all([...recent, old]);
    expect(together.map(({ length }) => length)).toEqual([36]);
    expect(alone.map(({ fromSeq }) => fromSeq)).toContain(1);
  });

  it("read alone when a scan would cost more", async () => {
    const { read, alone, together, open } = heldQueue();
    const reads = Array.from({ length: 40 }, (_, i) => read(at(1 + i, i)));
    open();
    await Promise.all(reads);
    expect(together).toEqual([]);
    expect(alone).toHaveLength(40);
  });

  it("share the next scan if most of what they need was read a moment ago, however few they are", async () => {
    const { read, alone, together, open } = heldQueue(900_000);
    const old = read(at(1, 0));
    const recent = [read(at(990_000, 1)), read(at(990_000, 2))];
    open();
    await Promise.all([old, ...recent]);
    expect(together.flat()).toHaveLength(2);
    expect(alone).toHaveLength(1);
  });

  it("all hear of a scan that failed", async () => {
    const read = createReadQueue({
      readOne: () => Promise.resolve(createCollection(0)),
      readTogether: () => Promise.reject(new Error("silence")),
      covers: () => false,
    });
    const reads = Array.from({ length: 60 }, (_, i) => read(at(990_000, i)));
    const outcomes = await Promise.allSettled(reads);
    expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(56);
  });
});
