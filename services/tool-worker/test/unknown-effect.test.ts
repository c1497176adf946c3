import { createLogger } from "@parley/runtime";
import { expect, it } from "vitest";
import { createStopper, execute } from "../src/execution.ts";
import { NotDoneError, UnknownEffectError } from "../src/tools/tool.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

function execution(error: Error) {
  const stopper = createStopper();
  const context = { callId: "t-0-0", user: { id: "u" }, signal: stopper.signal, progress: () => {} };
  return execute({ call: { run: () => Promise.reject(error) }, context, stopper, timeoutMs: 1_000, log });
}

it("a change whose answer was lost is neither done nor not done", async () => {
  expect(await execution(new UnknownEffectError("The connection broke."))).toEqual({
    kind: "settled",
    status: "unknown",
    output: { text: "It is not known whether this was done: The connection broke. Check before you repeat it." },
  });
});

it("a change that was refused is not done", async () => {
  expect(await execution(new NotDoneError("The cluster refused."))).toMatchObject({
    status: "failed",
    output: { text: "The cluster refused." },
  });
});
