import { describe, expect, it } from "vitest";
import { createLifecycle, createLogger, type Lifecycle } from "@parley/runtime";

function createRecordedLifecycle({ shutdownMs = 5_000 } = {}): { life: Lifecycle; lines: string[] } {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLogger({ service: "test", level: "warn", format: "json", destination });
  return { life: createLifecycle({ log, shutdownMs }), lines };
}

describe("createLifecycle", () => {
  it("releases what was registered last first, one after the other", async () => {
    const { life } = createRecordedLifecycle();
    const order: string[] = [];
    life.use("nats", () => order.push("nats"));
    life.use("server", async () => {
      order.push("server begins");
      await Promise.resolve();
      order.push("server ends");
    });
    await life.stop();
    expect(order).toEqual(["server begins", "server ends", "nats"]);
  });

  it("releases once, however often it is stopped", async () => {
    const { life } = createRecordedLifecycle();
    let releases = 0;
    life.use("server", () => (releases += 1));
    await Promise.all([life.stop(), life.stop()]);
    await life.stop();
    expect(releases).toBe(1);
  });

  it("aborts its signal before the first release", async () => {
    const { life } = createRecordedLifecycle();
    const seen: boolean[] = [];
    life.use("server", () => seen.push(life.signal.aborted));
    expect(life.signal.aborted).toBe(false);
    await life.stop();
    expect(seen).toEqual([true]);
  });

  it("logs a release that fails and goes on", async () => {
    const { life, lines } = createRecordedLifecycle();
    let released = false;
    life.use("nats", () => (released = true));
    life.use("server", () => {
      throw new Error("already closed");
    });
    await life.stop();
    expect(released).toBe(true);
    expect(lines.join("")).toContain("already closed");
  });

  it("leaves a release that hangs when its deadline has passed", async () => {
    const { life, lines } = createRecordedLifecycle();
    let released = false;
    life.use("nats", () => (released = true));
    life.use("server", () => new Promise(() => {}), { deadlineMs: 20 });
    await life.stop();
    expect(released).toBe(true);
    expect(lines.join("")).toContain("releasing server took longer than 20 ms");
  });

  it("gives a step some time even when the ones before used all of it", async () => {
    const { life, lines } = createRecordedLifecycle({ shutdownMs: 10 });
    let released = false;
    life.use("nats", async () => {
      await new Promise((resolve) => setImmediate(resolve));
      released = true;
    });
    life.use("server", () => new Promise(() => {}), { deadlineMs: 20 });
    await life.stop();
    expect(released).toBe(true);
    expect(lines).toHaveLength(1);
  });

  it("releases at once what is registered after the stop", async () => {
    const { life } = createRecordedLifecycle();
    await life.stop();
    const released = new Promise<void>((resolve) => life.use("late", () => resolve()));
    await expect(released).resolves.toBeUndefined();
  });

  it("resolves untilStopped when everything is released", async () => {
    const { life } = createRecordedLifecycle();
    let released = false;
    life.use("server", () => (released = true));
    const ended = life.untilStopped();
    await life.stop();
    await ended;
    expect(released).toBe(true);
  });

  it("removes its signal handlers when it has stopped", async () => {
    const before = process.listenerCount("SIGTERM");
    const { life } = createRecordedLifecycle();
    const ended = life.untilStopped();
    expect(process.listenerCount("SIGTERM")).toBe(before + 1);
    await life.stop();
    await ended;
    expect(process.listenerCount("SIGTERM")).toBe(before);
  });

  it("releases at the end of an await using block, also after a throw", async () => {
    const { life } = createRecordedLifecycle();
    let released = false;
    const start = async (): Promise<void> => {
      await using scope = life;
      scope.use("server", () => (released = true));
      throw new Error("the next part cannot start");
    };
    await expect(start()).rejects.toThrow("the next part cannot start");
    expect(released).toBe(true);
  });
});
