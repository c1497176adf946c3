import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  FinishedToolCall,
  boundCalls,
  callPart,
  endedArguments,
  jsonBytes,
  limits,
  type ToolArguments,
} from "@parley/protocol";

const value = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.integer({ min: 1, max: 9_000 }).map((length) => '漢\0"'.repeat(length)),
  fc.jsonValue({ maxDepth: 2 }),
);
const args = fc.dictionary(fc.string({ minLength: 1, maxLength: 12 }), value, { maxKeys: 12 });

describe("the arguments of a call that has ended", () => {
  test("are an object of the same names within their limit, which says how large the whole is; small ones are whole", () => {
    fc.assert(
      fc.property(args, (whole: ToolArguments) => {
        const short = endedArguments(whole);
        const bytes = jsonBytes(whole);
        const isLong = bytes > limits.endedArgumentsBytes;
        expect(short.arguments_bytes).toBe(isLong ? bytes : undefined);
        expect([whole, isLong ? short.arguments : whole]).toContain(short.arguments);
        expect(jsonBytes(short.arguments)).toBeLessThanOrEqual(limits.endedArgumentsBytes);
        expect([[], Object.keys(whole)]).toContainEqual(Object.keys(short.arguments));
        expect(endedArguments(short.arguments)).toEqual({ arguments: short.arguments });
      }),
    );
  });

  test("are a beginning of each long value, and say that they were cut", () => {
    const { arguments: short } = endedArguments({ name: "a.txt", text: `begin ${"x".repeat(40_000)}` });
    expect(short["name"]).toBe("a.txt");
    expect(short["text"]).toMatch(/^begin x+… \[cut here: 40006 characters in all\]$/);
  });

  test("say so too where calls together have no room for more of them", () => {
    const call = { tool_name: "look", status: "completed" as const, result: "ok", duration_ms: 1 };
    const calls = Array.from({ length: 8 }, (_, i) => ({
      ...call,
      call_id: `t-0-${i}`,
      arguments: i === 0 ? {} : { text: "x".repeat(1_500) },
    }));
    const [bare, ...others] = boundCalls(calls, 5_000);
    expect(bare).not.toHaveProperty("arguments_bytes");
    for (const one of others) expect(one.arguments_bytes).toBe(1_511);
    expect(jsonBytes(others)).toBeLessThanOrEqual(5_000);
    const referred = { ...calls[1]!, arguments_bytes: 40_000, arguments_id: "t-0-1" };
    expect(boundCalls([referred], 400)).toMatchObject([{ arguments_bytes: 40_000, arguments_id: "t-0-1" }]);
  });

  test("are a part as their end has them", () => {
    const call = FinishedToolCall.parse({
      ...{ call_id: "t-0-0", tool_name: "look", status: "completed", result: "ok", duration_ms: 1 },
      ...endedArguments({ text: "x".repeat(40_000) }),
      arguments_id: "t-0-0",
    });
    expect(callPart(call)).toEqual({ type: "tool_call", ...call });
  });
});
