import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { filterLines, type LineFilter } from "../../src/kubernetes/log-filter.ts";
import { joinRepeats } from "../../src/kubernetes/log-repeats.ts";

const { signal } = new AbortController();

function filter(lines: readonly string[], parts: Partial<LineFilter>, budgetMs = 5_000) {
  return filterLines(lines, { contextLines: 0, tail: 1_000, ...parts }, { signal, budgetMs });
}

const log = ["a start", "b ERROR one", "c", "d", "e error two", "f health", "g error health"];

describe("searching lines", () => {
  it.each([
    ["a text in any case", { grep: "error" }, ["b ERROR one", "e error two", "g error health"]],
    ["one of several", { grep: "start|two$" }, ["a start", "e error two"]],
    ["a pattern", { grep: "^[bc]\\b" }, ["b ERROR one", "c"]],
    ["nothing: all", {}, log],
    ["nothing, but without some", { exclude: "e" }, ["a start", "c", "d"]],
    ["a text, without some of its lines", { grep: "error", exclude: "health" }, ["b ERROR one", "e error two"]],
    ["a text with what is around it", { grep: "ONE", contextLines: 1 }, ["a start", "b ERROR one", "c"]],
    [
      "texts far from each other, with a gap",
      { grep: "start|two", contextLines: 1 },
      ["a start", "b ERROR one", undefined, "d", "e error two", "f health"],
    ],
    [
      "what is around it without what is excluded",
      { grep: "two", exclude: "health", contextLines: 2 },
      ["c", "d", "e error two"],
    ],
    ["what no line has", { grep: "absent", contextLines: 3 }, []],
  ])("for %s finds them", async (_, parts, expected) => {
    expect((await filter(log, parts)).lines).toEqual(expected);
  });

  it.each(["foo(", "[a", "*", "a{2000}", "(?=x)", "\\1"])(
    "for %j, which is no pattern, looks for it as it is written",
    async (grep) => {
      const { lines, asText } = await filter([`x ${grep} y`, "nothing"], { grep });
      expect(lines).toEqual([`x ${grep} y`]);
      expect(asText).toEqual([grep]);
    },
  );

  it("shows the last matches with what is around them, and counts all", async () => {
    const found = await filter(log, { grep: "error", contextLines: 1, tail: 1 });
    expect(found.lines).toEqual(["f health", "g error health"]);
    expect(found.matches).toBe(3);
  });

  it("counts what matches, not what is around it", async () => {
    expect(await filter(log, { grep: "two", contextLines: 2 })).toMatchObject({
      matches: 1,
      notSearched: 0,
      asText: [],
    });
  });

  it.each([
    ["(a+)+$", "a"],
    ["(a|aa)*c", "a"],
    ["(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)z", "x"],
    ["^(([a-z])+.)+[A-Z]([a-z])+$", "a"],
    ["((x{1,30}){1,30})y", "x"],
  ])("is not slow for the pattern %j", async (grep, letter) => {
    const before = process.cpuUsage();
    await filter(
      Array.from({ length: 20 }, () => letter.repeat(16_000)),
      { grep },
      1_000,
    );
    const spent = process.cpuUsage(before);
    expect(spent.user + spent.system).toBeLessThan(3_000_000);
  });

  it("says what it did not search when its time is over, and searches the newest first", async () => {
    const many = Array.from({ length: 100 }, (_, n) => `${n} ${"x".repeat(300_000)}`);
    const { lines, notSearched } = await filter(many, { grep: "^9" }, 0);
    expect(notSearched).toBe(99);
    expect(lines).toEqual([many[99]]);
  });

  it("stops when nobody wants the answer any more", async () => {
    const aborted = AbortSignal.abort(new Error("gone"));
    const many = Array.from({ length: 100 }, () => "x".repeat(300_000));
    const searching = filterLines(many, { grep: "y", contextLines: 0, tail: 1 }, { signal: aborted, budgetMs: 5_000 });
    await expect(searching).rejects.toMatchObject({ name: "AbortError" });
  });

  it("does nothing but look, whatever pattern and lines there are", async () => {
    const text = fc.string({ unit: "binary", maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(text, fc.array(text, { maxLength: 8 }), async (grep, lines) => {
        const found = await filter(lines, { grep });
        expect(found.lines.every((line) => line === undefined || lines.includes(line))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe("lines that repeat", () => {
  it.each([
    ["one after the other", ["a", "a", "a", "b"], ["a (x3)", "b"]],
    [
      "but for their time",
      ["2026-01-01T00:00:01Z ping", "2026-01-01T00:00:02.5Z ping"],
      ["2026-01-01T00:00:02.5Z ping (x2)"],
    ],
    ["but for a time of the day", ["12:00:01 ping", "12:00:02 ping"], ["12:00:02 ping (x2)"]],
    [
      "but for the time of klog",
      ["I0301 12:00:01.000001 x", "I0301 12:00:02.000001 x"],
      ["I0301 12:00:02.000001 x (x2)"],
    ],
    ["but for the time in JSON", ['{"ts":1.5,"m":"x"}', '{"ts":2.5,"m":"x"}'], ['{"ts":2.5,"m":"x"} (x2)']],
    [
      "as a block",
      ["Error", " at f", " at g", "Error", " at f", " at g", "end"],
      ["Error", " at f", " at g (these 3 lines x2)", "end"],
    ],
    ["not: each is another", ["a", "b", "c"], ["a", "b", "c"]],
    ["not: there is another between them", ["a", "b", "a"], ["a", "b", "a"]],
    ["not: a gap is between them", ["a", undefined, "a"], ["a", "--", "a"]],
    ["not: numbers differ", ["took 1 ms", "took 2 ms"], ["took 1 ms", "took 2 ms"]],
    ["not: they are empty", ["", "", "a"], ["", "", "a"]],
    ["nothing", [], []],
  ])("%s, are joined", (_, lines, expected) => {
    expect(joinRepeats(lines).map(({ text }) => text)).toEqual(expected);
  });

  it("tell for how many each stands", () => {
    const joined = joinRepeats(["a", "a", "b", "c", "b", "c", undefined, "d"]);
    expect(joined.map(({ lines }) => lines)).toEqual([2, 2, 2, 0, 1]);
  });

  it("are joined in time, whatever they are", () => {
    const lines = Array.from({ length: 2_000 }, (_, n) => (n % 13 === 0 ? "b" : "a"));
    const before = process.cpuUsage();
    expect(joinRepeats(lines).length).toBeLessThan(400);
    const spent = process.cpuUsage(before);
    expect(spent.user + spent.system).toBeLessThan(1_000_000);
  });
});
