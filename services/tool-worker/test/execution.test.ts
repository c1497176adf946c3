import { createLogger } from "@parley/runtime";
import { describe, expect, it } from "vitest";
import { createStopper, execute, stopByQueue, type Execution, type Stopper } from "../src/execution.ts";
import { NotDoneError, ToolError, type ToolContext, type ToolOutput } from "../src/tools/tool.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

function run(
  tool: (context: ToolContext) => Promise<ToolOutput>,
  {
    stopper = createStopper(),
    timeoutMs = 5_000,
    lastWordMs = 0,
  }: { stopper?: Stopper; timeoutMs?: number; lastWordMs?: number } = {},
): Promise<Execution> {
  const context = { callId: "t-0-0", user: { id: "u" }, signal: stopper.signal, progress: () => {} };
  return execute({ call: { run: tool }, context, stopper, timeoutMs, lastWordMs, log });
}

const never = (): Promise<never> => new Promise(() => {});

describe("an execution", () => {
  it("ends with what the tool returns", async () => {
    expect(await run(async () => ({ text: "fine" }))).toEqual({
      kind: "settled",
      status: "completed",
      output: { text: "fine" },
    });
  });

  it("ends with the tool's own sentence about its failure, and with ours when it has none", async () => {
    const failing = (error: Error) => run(() => Promise.reject(error));
    expect(await failing(new ToolError("No such pod."))).toMatchObject({
      status: "failed",
      output: { text: "No such pod." },
    });
    const unexpected = await failing(new Error("password is hunter2"));
    expect(unexpected).toMatchObject({ status: "failed", output: { text: "The tool failed for an internal reason." } });
  });

  it("is stopped after its time, also when the tool does not listen", async () => {
    expect(await run(never, { timeoutMs: 10 })).toEqual({ kind: "interrupted", by: "timeout" });
  });

  it("aborts the tool's signal, and does not call its error a failure", async () => {
    const stopper = createStopper();
    const execution = run(
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(new Error("aborted")));
        }),
      { stopper },
    );
    stopper.stop("cancelled");
    expect(await execution).toEqual({ kind: "interrupted", by: "cancelled" });
  });

  it.each([
    [
      "did it all the same",
      async () => ({ text: "done" }),
      { kind: "settled", status: "completed", output: { text: "done" } },
    ],
    [
      "changed nothing",
      () => Promise.reject(new NotDoneError("not sent")),
      { kind: "interrupted", by: "cancelled", notDone: true },
    ],
    ["fails", () => Promise.reject(new Error("?")), { kind: "interrupted", by: "cancelled" }],
  ])("that is stopped gets to say that it %s", async (_, lastWord, expected) => {
    const stopper = createStopper();
    const tool = ({ signal }: ToolContext): Promise<ToolOutput> =>
      new Promise<void>((resolve) => signal.addEventListener("abort", () => setTimeout(resolve, 10))).then(lastWord);
    const execution = run(tool, { stopper, lastWordMs: 5_000 });
    stopper.stop("cancelled");
    expect(await execution).toEqual(expected);
  });

  it("that never began has done nothing", async () => {
    const stopper = createStopper();
    stopper.stop("cancelled");
    expect(await run(never, { stopper })).toEqual({ kind: "interrupted", by: "cancelled", notDone: true });
  });

  it("keeps the first reason it was stopped for", async () => {
    const stopper = createStopper();
    stopper.stop("lock lost");
    stopper.stop("cancelled");
    expect(await run(never, { stopper })).toMatchObject({ kind: "interrupted", by: "lock lost" });
  });
});

describe("the queue stops", () => {
  function stoppedBy(effect: "read" | "write", happens: "closing" | "lock lost" | "stopped") {
    const closing = new AbortController();
    const signal = new AbortController();
    const stopper = createStopper();
    const release = stopByQueue(stopper, effect, {
      go: false,
      recovered: false,
      waitedMs: 0,
      closing: closing.signal,
      signal: signal.signal,
    });
    if (happens === "closing") closing.abort();
    else signal.abort(happens);
    release();
    return stopper.by();
  }

  it.each([
    ["read", "closing", "closing"],
    ["read", "lock lost", "lock lost"],
    ["read", "stopped", "stopped"],
    // Nobody else can ever run it, so it may finish as long as there is time.
    ["write", "closing", undefined],
    ["write", "lock lost", undefined],
    ["write", "stopped", "stopped"],
  ] as const)("a %s on %s: %s", (effect, happens, expected) => {
    expect(stoppedBy(effect, happens)).toBe(expected);
  });
});
