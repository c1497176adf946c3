import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  beginningOf,
  beginningOfLines,
  boundCalls,
  cutJsonText,
  envelopeBytes,
  fitMessage,
  fitToolCallEnd,
  jsonBytes,
  jsonTextBytes,
  shareBytes,
  shortArguments,
  type FinishedToolCall,
} from "@parley/protocol";

/** Every kind of character that JSON or UTF-8 counts in its own way, lone halves of pairs too. */
const oddText = fc
  .array(
    fc.constantFrom("\0", "\u001f", "\n", '"', "\\", "a", "\u007f", "é", "漢", "\u2028", "😀", "\ud83d", "\ude00"),
    {
      maxLength: 400,
    },
  )
  .map((characters) => characters.join(""));
const measured = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;

describe("the size of a text inside JSON", () => {
  test("is that of what JSON.stringify writes, in UTF-8", () => {
    fc.assert(
      fc.property(oddText, (text) => {
        expect(jsonTextBytes(text)).toBe(measured(text));
      }),
    );
    expect(jsonTextBytes("\0".repeat(200_000))).toBe(1_200_000);
  });

  test("is kept by cutting, which takes as much as fits and splits no character", () => {
    fc.assert(
      fc.property(oddText, fc.nat(500), (text, maxBytes) => {
        const cut = cutJsonText(text, maxBytes);
        expect(text.startsWith(cut)).toBe(true);
        expect(measured(cut)).toBeLessThanOrEqual(maxBytes);
        if (cut === text) return;
        const next = String.fromCodePoint(text.codePointAt(cut.length) ?? 0);
        expect(measured(cut + next)).toBeGreaterThan(maxBytes);
        expect(measured(cut) + measured(text.slice(cut.length))).toBe(measured(text));
      }),
    );
  });
});

describe("a room that is shared", () => {
  test("is not exceeded, cuts the largest first, and is used up but for what rounding leaves", () => {
    const sizes = fc.array(fc.nat(10_000), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(sizes, fc.nat(200_000), (bytes, room) => {
        const shares = shareBytes(
          bytes.map((each) => ({ bytes: each })),
          room,
        )!;
        const sum = shares.reduce((all, share) => all + share, 0);
        expect(sum).toBeLessThanOrEqual(room);
        const cut = shares.filter((share, i) => share < bytes[i]!);
        expect(cut.length === 0 || room - sum < cut.length).toBe(true);
        expect(Math.max(...shares)).toBe(cut.length === 0 ? Math.max(...bytes) : Math.max(...cut));
      }),
    );
  });

  test("gives less to what weighs less, and everybody the least", () => {
    const parts = [{ bytes: 1_000, weight: 0.5 }, { bytes: 1_000 }, { bytes: 1_000, weight: 0.001, leastBytes: 20 }];
    expect(shareBytes(parts, 320)).toEqual([100, 200, 20]);
    expect(shareBytes(parts, 19)).toBeUndefined();
  });
});

const args = fc.dictionary(fc.string({ maxLength: 20 }), fc.oneof(oddText, fc.jsonValue()), { maxKeys: 6 });
const call: fc.Arbitrary<FinishedToolCall> = fc.record({
  call_id: fc.stringMatching(/^[a-z]{1,80}$/),
  tool_name: oddText.map((name) => cutJsonText(name, 128)),
  arguments: args,
  status: fc.constantFrom("completed" as const, "failed" as const),
  result: oddText.map((text) => text.repeat(8)),
  duration_ms: fc.nat(),
});

describe("tool calls", () => {
  test("fit any size, each with its name and outcome as long as those fit, and say what was cut", () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 12 }), fc.integer({ min: 2, max: 20_000 }), (calls, maxBytes) => {
        const bound = boundCalls(calls, maxBytes);
        expect(jsonBytes(bound)).toBeLessThanOrEqual(maxBytes);
        const kept = calls.slice(calls.length - bound.length);
        for (const [i, { call_id, tool_name, status, result, truncated }] of bound.entries()) {
          expect({ call_id, tool_name, status }).toMatchObject({ call_id: kept[i]?.call_id, status: kept[i]?.status });
          expect(result === kept[i]?.result || truncated === true).toBe(true);
        }
      }),
    );
  });

  test("lose results before arguments, and nothing while there is room", () => {
    const large = { text: "a".repeat(3_000) };
    const calls = [1, 2].map((n): FinishedToolCall => {
      return {
        call_id: `c${n}`,
        tool_name: "t",
        arguments: large,
        status: "completed",
        result: "r".repeat(3_000),
        duration_ms: 1,
      };
    });
    expect(boundCalls(calls, 20_000)).toEqual(calls);
    const [first, second] = boundCalls(calls, 8_000);
    expect([first?.arguments, second?.arguments]).toEqual([large, large]);
    expect(first?.result).toMatch(/^r{100,}\n\[cut here: 3000 characters in all\]$/);
    expect(
      boundCalls(calls, 4_000).map(({ arguments: { text }, result }) => [String(text).length < 3_000, result]),
    ).toEqual([
      [true, ""],
      [true, ""],
    ]);
  });

  test("of other limits are cut to the newest", () => {
    const many = Array.from({ length: 2_000 }, (_, i): FinishedToolCall => {
      return { call_id: `c${i}`, tool_name: "t", arguments: {}, status: "completed", result: "", duration_ms: 1 };
    });
    const bound = boundCalls(many, 10_000);
    expect(jsonBytes(bound)).toBeLessThanOrEqual(10_000);
    expect(bound.at(-1)?.call_id).toBe("c1999");
  });

  test("have arguments that stay an object of the same names", () => {
    const short = shortArguments({ path: "/tmp/x", text: "\0".repeat(50_000), lines: Array(5_000).fill(7) }, 2_000);
    expect(jsonBytes(short)).toBeLessThanOrEqual(2_000);
    expect(Object.keys(short)).toEqual(["path", "text", "lines"]);
    expect(short["path"]).toBe("/tmp/x");
    expect(short["text"]).toMatch(/… \[cut here: 50000 characters in all\]$/);
  });
});

test("the beginning of a result ends with a line and says that it was cut", () => {
  const text = Array.from({ length: 100 }, (_, i) => `line ${i}`).join("\n");
  expect(beginningOf(text, 10_000)).toEqual({ result: text, truncated: false });
  expect(beginningOf(text, 70).result).toBe("line 0\nline 1\nline 2\nline 3\n[cut here: 789 characters in all]");
});

test("the beginning of a result with a long line after a short one has the beginning of that too", () => {
  const long = `[${'{"a":"b\\\\n"},'.repeat(2_000)}]`;
  const { result } = beginningOf(`NAME\n${long}\nthe end`, 10_000);
  const [name, shown = "", note] = result.split("\n");
  expect([name, note]).toEqual(["NAME", `[cut here: ${long.length + 13} characters in all]`]);
  expect(long.startsWith(shown)).toBe(true);
  expect(measured(result)).toBeLessThanOrEqual(10_000);
  expect(measured(result)).toBeGreaterThan(9_900);
});

test("the beginning of lines has at most what it may have, and leaves little of it unused", () => {
  const lines = fc.array(
    fc.oneof(
      oddText,
      fc.integer({ min: 0, max: 9_000 }).map((n) => '"'.repeat(n)),
    ),
  );
  fc.assert(
    fc.property(lines, fc.integer({ min: 10, max: 8_000 }), (all, maxBytes) => {
      const { whole, begun } = beginningOfLines(all, maxBytes);
      expect(whole).toEqual(all.slice(0, whole.length));
      const next = all[whole.length];
      expect((next ?? "").startsWith(begun)).toBe(true);
      const shown = begun === "" ? whole : [...whole, begun];
      const bytes = shown.reduce((sum, line) => sum + measured(line) + 2, 0);
      expect(bytes).toBeLessThanOrEqual(maxBytes);
      const unusedBytes = next === undefined ? 0 : maxBytes - bytes;
      expect(unusedBytes).toBeLessThan(Math.max(12, Math.min(256, maxBytes / 4) + 2));
    }),
  );
});

test("an event that the broker finds too large is cut to what it takes", () => {
  fc.assert(
    fc.property(call, fc.integer({ min: 1_500, max: 6_000 }), (finished, maxBytes) => {
      const common = { conversation_id: "c".repeat(128), turn_id: "t".repeat(64), ts: 1_764_000_000_000 };
      const event = fitToolCallEnd({ type: "tool_call_end", ...common, ...finished }, maxBytes);
      expect(jsonBytes(event)).toBeLessThanOrEqual(maxBytes);
      expect(event).toMatchObject({ ...common, call_id: finished.call_id, status: finished.status });
    }),
  );
  fc.assert(
    fc.property(oddText, fc.integer({ min: 600, max: 2_000 }), (message, maxBytes) => {
      const fitted = fitMessage({ message, id: "m" }, maxBytes);
      expect(jsonBytes(fitted)).toBeLessThanOrEqual(Math.max(maxBytes - envelopeBytes, 30));
      expect(message.startsWith(fitted.message)).toBe(true);
    }),
  );
});
