import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { liveHeapBytes } from "../src/live-heap.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

it("knows what a full garbage collection left: what is kept counts, what was dropped does not", async () => {
  liveHeapBytes();
  const kept: object[] = [];
  const liveAfterCollection = async (): Promise<number> => {
    const before = liveHeapBytes();
    collectGarbage();
    await expect.poll(liveHeapBytes).not.toBe(before);
    return liveHeapBytes();
  };
  // Other tests of this process may have left what only a second collection frees.
  await liveAfterCollection();
  const first = await liveAfterCollection();
  for (let i = 0; i < 2_000_000; i++) kept.push({ i, half: i / 2 });
  expect((await liveAfterCollection()) - first).toBeGreaterThan(25_000_000);
  kept.length = 0;
  expect((await liveAfterCollection()) - first).toBeLessThan(10_000_000);
});
