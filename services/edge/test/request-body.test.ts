import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { hasMoreValues, parseBody } from "../src/transport/request-body.ts";

const maxBytes = 2 * 1024 * 1024;
const filled = (item: string): string => `{"a":[${`${item},`.repeat(maxBytes / (item.length + 1) - 8)}0]}`;

describe("a body of megabytes", () => {
  it.each(["{}", "[]", "0", '"",""', '{"a":0}'])(
    "of more values than are read is refused before it is parsed (%s)",
    (item) => {
      const bytes = Buffer.from(filled(item));
      expect(() => parseBody(bytes, maxBytes)).toThrow("The body has more than 98304 values.");
    },
  );

  it("may have as much text as fits, whatever the text is", () => {
    const text = String.raw`{},[],\",\\`;
    const list = Array.from({ length: 4_000 }, () => text.repeat(20));
    expect(parseBody(Buffer.from(JSON.stringify({ list })), maxBytes)).toEqual({ list });
  });
});

test("values are counted as a parser would find them", () => {
  const count = (value: unknown): number => {
    if (typeof value !== "object" || value === null) return 0;
    const inner: unknown[] = Object.values(value);
    return 1 + Math.max(0, inner.length - 1) + inner.reduce((sum: number, one) => sum + count(one), 0);
  };
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const bytes = Buffer.from(JSON.stringify(value));
      const most = count(value);
      expect(hasMoreValues(bytes, most)).toBe(false);
      expect(most === 0 || hasMoreValues(bytes, most - 1)).toBe(true);
    }),
  );
});
