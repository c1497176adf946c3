import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createProgress } from "../src/progress.ts";

describe("progress of a tool", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("shows the first line at once, then one per interval: the last of those held back", () => {
    const sent: string[] = [];
    const progress = createProgress((text) => sent.push(text), 200);
    for (const text of ["1", "2", "3"]) progress.report(text);
    expect(sent).toEqual(["1"]);
    vi.advanceTimersByTime(200);
    expect(sent).toEqual(["1", "3"]);
    vi.advanceTimersByTime(1_000);
    progress.report("4");
    expect(sent).toEqual(["1", "3", "4"]);
  });

  it("shows nothing after the call has ended", () => {
    const sent: string[] = [];
    const progress = createProgress((text) => sent.push(text), 200);
    for (const text of ["1", "2"]) progress.report(text);
    progress.stop();
    progress.report("3");
    vi.advanceTimersByTime(1_000);
    expect(sent).toEqual(["1"]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
