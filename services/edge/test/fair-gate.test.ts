import { expect, test } from "vitest";
import { createFairGate } from "../src/fair-gate.ts";

function slowWork() {
  let resolve: (said: string) => void = () => undefined;
  const promise = new Promise<string>((settle) => (resolve = settle));
  let running = 0;
  const work = (): Promise<string> => {
    running += 1;
    return promise;
  };
  return { work, running: () => running, finish: () => resolve("done") };
}

test("who asks for too much at once is told to come later; everybody else is served", async () => {
  const enter = createFairGate({ atOnce: 4, perUser: 3 });
  const slow = slowWork();
  const mine = [1, 2, 3].map(() => enter("anna", slow.work));
  await expect(enter("anna", slow.work)).rejects.toMatchObject({ code: "RATE_LIMITED", retryAfterMs: 1_000 });
  expect(await enter("bert", async () => "served")).toBe("served");
  slow.finish();
  expect(await Promise.all(mine)).toEqual(["done", "done", "done"]);
  expect(await enter("anna", async () => "again")).toBe("again");
});

test("no more than so many are worked on at once", async () => {
  const enter = createFairGate({ atOnce: 2, perUser: 9 });
  const slow = slowWork();
  const all = ["a", "b", "c", "d"].map((user) => enter(user, slow.work));
  await Promise.resolve();
  expect(slow.running()).toBe(2);
  slow.finish();
  await Promise.all(all);
  expect(slow.running()).toBe(4);
});

test("what fails leaves no place taken", async () => {
  const enter = createFairGate({ atOnce: 1, perUser: 1 });
  for (let time = 0; time < 3; time += 1)
    await expect(enter("anna", () => Promise.reject(new Error("away")))).rejects.toThrow("away");
});
