import { expect, test } from "vitest";
import { eventually } from "@parley/testkit";

test("returns the first answer that is there", async () => {
  const answers = [undefined, null, false, 0, 1];
  expect(await eventually(() => answers.shift(), { what: "an answer" })).toBe(0);
});

test("takes a throw as not yet", async () => {
  let calls = 0;
  const answer = await eventually(
    () => {
      calls += 1;
      if (calls < 3) throw new Error("not yet");
      return calls;
    },
    { what: "the third call" },
  );
  expect(answer).toBe(3);
});

test("names what did not happen, with the last error as its cause", async () => {
  const failing = eventually(() => Promise.reject(new Error("refused")), { what: "the server up", timeoutMs: 30 });
  await expect(failing).rejects.toMatchObject({
    message: "the server up: not within 30 ms",
    cause: { message: "refused" },
  });
});

test("gives up on an answer that never comes", async () => {
  const silent = eventually(() => new Promise<true>(() => {}), { what: "an answer", timeoutMs: 30 });
  await expect(silent).rejects.toThrow("an answer: not within 30 ms");
});
