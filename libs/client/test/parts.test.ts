import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { backoffMs } from "../src/backoff.ts";
import { createEmitter } from "../src/emitter.ts";
import { decodeServerFrame } from "../src/frame-decoding.ts";
import { createResumeWindow } from "../src/resume-window.ts";
import type { SocketConstructor } from "../src/socket.ts";

describe("the back-off", () => {
  const backoff = { minMs: 500, maxMs: 20_000 };

  test.each([
    [0, 500, 1_000],
    [1, 500, 2_000],
    [3, 500, 8_000],
    [5, 500, 20_000],
    [2_000, 500, 20_000],
  ])("of try %i lies between %i and %i ms", (attempt, least, most) => {
    expect(backoffMs(attempt, { backoff, random: () => 0 })).toBe(least);
    expect(backoffMs(attempt, { backoff, random: () => 1 })).toBe(most);
  });

  test("uses its whole range", () => {
    fc.assert(
      fc.property(fc.nat(50), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
        const delayMs = backoffMs(attempt, { backoff, random: () => random });
        expect(delayMs).toBeGreaterThanOrEqual(backoff.minMs);
        expect(delayMs).toBeLessThanOrEqual(backoff.maxMs);
      }),
    );
  });
});

describe("the emitter", () => {
  test("calls the listeners of a name until they are removed", () => {
    const emitter = createEmitter<{ a: number; b: string }>({ debug: () => undefined, warn: () => undefined });
    const [one, two] = [vi.fn<(value: number) => void>(), vi.fn<(value: number) => void>()];
    const off = emitter.on("a", one);
    emitter.on("a", two);
    emitter.emit("a", 1);
    off();
    emitter.emit("a", 2);
    emitter.emit("b", "nobody listens");
    expect([one.mock.calls, two.mock.calls]).toEqual([[[1]], [[1], [2]]]);
  });

  test("goes on when a listener throws, and says so", () => {
    const faults: unknown[] = [];
    const emitter = createEmitter<{ a: number }>({ debug: () => undefined, warn: (said) => faults.push(said) });
    const fault = new Error("broken");
    const reached = vi.fn<(value: number) => void>();
    emitter.on("a", () => {
      throw fault;
    });
    emitter.on("a", reached);
    emitter.emit("a", 1);
    expect(faults).toEqual([{ err: fault }]);
    expect(reached).toHaveBeenCalledOnce();
  });
});

describe("decodeServerFrame", () => {
  test("never throws, whatever comes", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json(), fc.uint8Array()), (data) => void decodeServerFrame(data)));
  });

  test.each([["not json"], ["[]"], ["null"], ['{"type":"hologram"}'], ['{"type":"token"}'], [new Uint8Array(3)]])(
    "does not know %j",
    (data) => {
      expect(decodeServerFrame(data)).toBeUndefined();
    },
  );

  test("does not mend an error frame that lacks something else", () => {
    expect(decodeServerFrame('{"type":"error","code":"MOON_PHASE"}')).toBeUndefined();
    expect(decodeServerFrame('{"type":"error","code":"NOT_FOUND"}')).toBeUndefined();
  });
});

describe("the resume window", () => {
  test("skips who has nothing to ask, and fills up as answers come", () => {
    const asked: number[] = [];
    const window = createResumeWindow<number>(2, (item) => {
      if (item % 2 === 1) return false;
      asked.push(item);
      return true;
    });
    window.start([1, 2, 3, 4, 5, 6, 8]);
    expect(asked).toEqual([2, 4]);
    window.answered(9);
    window.answered(4);
    window.answered(4);
    expect(asked).toEqual([2, 4, 6]);
    window.stop();
    window.answered(2);
    expect(asked).toEqual([2, 4, 6]);
  });
});

test("the `ws` package fits what the client wants of a WebSocket", () => {
  const constructor: SocketConstructor = WebSocket;
  expect(constructor).toBe(WebSocket);
});
