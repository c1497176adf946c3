import { describe, expect, it, onTestFinished } from "vitest";
import { createBackoff, DeadlineError, sleep, unlessAborted, withDeadline } from "@parley/runtime";

describe("sleep", () => {
  it("waits at least as long as it was told", async () => {
    const startMs = performance.now();
    await sleep(20);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(19);
  });

  it("returns early, without throwing, when it is aborted", async () => {
    const stopping = new AbortController();
    const waiting = sleep(60_000, stopping.signal);
    stopping.abort(new Error("shutting down"));
    await expect(waiting).resolves.toBeUndefined();
  });

  it("returns at once when it was aborted before", async () => {
    await expect(sleep(60_000, AbortSignal.abort())).resolves.toBeUndefined();
  });
});

describe("withDeadline", () => {
  it("hands on the value", async () => {
    await expect(withDeadline(Promise.resolve(7), 1_000, "reading")).resolves.toBe(7);
  });

  it("hands on the error", async () => {
    await expect(withDeadline(Promise.reject(new Error("no")), 1_000, "reading")).rejects.toThrow("no");
  });

  it("rejects with a DeadlineError that says what took too long", async () => {
    const never = withDeadline(new Promise(() => {}), 5, "connecting to NATS");
    await expect(never).rejects.toThrow(DeadlineError);
    await expect(never).rejects.toThrow("connecting to NATS took longer than 5 ms");
  });

  it("does not leave a late rejection unhandled", async () => {
    const unhandled: unknown[] = [];
    const collect = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", collect);
    onTestFinished(() => void process.off("unhandledRejection", collect));
    const late = new Promise<never>((_resolve, reject) => setTimeout(() => reject(new Error("late")), 100));
    await expect(withDeadline(late, 5, "reading")).rejects.toThrow(DeadlineError);
    await expect(late).rejects.toThrow("late");
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  });
});

describe("unlessAborted", () => {
  it("gives the promise's own outcome", async () => {
    const { signal } = new AbortController();
    expect(await unlessAborted(Promise.resolve(1), signal)).toBe(1);
    await expect(unlessAborted(Promise.reject(new Error("failed")), signal)).rejects.toThrow("failed");
  });

  it("does not wait once the signal is aborted, and takes a late failure for nobody's", async () => {
    const stop = new AbortController();
    let fail: (error: Error) => void = () => {};
    const late = new Promise<never>((_resolve, reject) => (fail = reject));
    const waiting = unlessAborted(late, stop.signal);
    stop.abort(new Error("stopped"));
    await expect(waiting).rejects.toThrow("stopped");
    await expect(unlessAborted(late, stop.signal)).rejects.toThrow("stopped");
    fail(new Error("late"));
    await new Promise((resolve) => setImmediate(resolve));
  });
});

describe("createBackoff", () => {
  it("doubles the bound of each wait up to the greatest", () => {
    const backoff = createBackoff({ minMs: 100, maxMs: 350, random: () => 1 });
    expect([backoff.nextMs(), backoff.nextMs(), backoff.nextMs(), backoff.nextMs()]).toEqual([100, 200, 350, 350]);
  });

  it("draws each wait from the whole range below its bound", () => {
    const draws = [0, 0.5];
    const backoff = createBackoff({ minMs: 100, maxMs: 1_000, random: () => draws.shift() ?? 1 });
    expect([backoff.nextMs(), backoff.nextMs()]).toEqual([0, 100]);
  });

  it("begins again after a reset", () => {
    const backoff = createBackoff({ minMs: 100, maxMs: 1_000, random: () => 1 });
    backoff.nextMs();
    backoff.nextMs();
    backoff.reset();
    expect(backoff.nextMs()).toBe(100);
  });
});
