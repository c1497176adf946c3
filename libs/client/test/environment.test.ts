import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { foundEnvironment, type EnvironmentSignal } from "../src/environment.ts";

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

/** The globals of a page, and what it was told. */
function page() {
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const globals = Object.assign(new EventTarget(), { navigator: { onLine: true }, document });
  const environment = foundEnvironment(globals);
  const signals: EnvironmentSignal[] = [];
  const end = environment?.watch((signal) => signals.push(signal)) ?? (() => undefined);
  return { globals, document, environment, signals, end };
}

test("a page says when the network comes and goes, and when somebody looks at it again", () => {
  const { globals, document, environment, signals } = page();
  globals.dispatchEvent(new Event("offline"));
  globals.navigator.onLine = false;
  expect(environment?.isOnline()).toBe(false);
  globals.dispatchEvent(new Event("online"));
  document.visibilityState = "hidden";
  document.dispatchEvent(new Event("visibilitychange"));
  document.visibilityState = "visible";
  document.dispatchEvent(new Event("visibilitychange"));
  expect(signals).toEqual(["offline", "online", "visible"]);
});

test("a page says when it comes out of the back/forward cache, and not when it is opened", () => {
  const { globals, signals } = page();
  globals.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: false }));
  expect(signals).toEqual([]);
  globals.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  expect(signals).toEqual(["resumed"]);
});

test("a page says when it was frozen, and when the machine slept", () => {
  const { document, signals } = page();
  document.dispatchEvent(new Event("resume"));
  expect(signals).toEqual(["resumed"]);
  vi.advanceTimersByTime(60_000);
  expect(signals).toEqual(["resumed"]);
  // Timers stand still while the time of day goes on.
  vi.setSystemTime(Date.now() + 600_000);
  vi.advanceTimersByTime(5_000);
  expect(signals).toEqual(["resumed", "resumed"]);
});

test("nothing is left of it when it ends", () => {
  const { globals, document, signals, end } = page();
  end();
  globals.dispatchEvent(new Event("online"));
  document.dispatchEvent(new Event("visibilitychange"));
  expect([signals, vi.getTimerCount()]).toEqual([[], 0]);
});

test("a worker has no document, Node.js nothing of it all", () => {
  const worker = Object.assign(new EventTarget(), { navigator: {} });
  expect(foundEnvironment(worker)?.isOnline()).toBe(true);
  expect(foundEnvironment(globalThis)).toBeUndefined();
  expect(foundEnvironment({ navigator: {} })).toBeUndefined();
});
