import { expect, it } from "vitest";
import { createBreaker } from "../../src/kubernetes/breaker.ts";

function breakerAt(start: string) {
  let ms = 0;
  const breaker = createBreaker({ now: () => ms, clock: () => new Date(Date.parse(start) + ms) });
  const fail = (times: number): void => {
    for (let n = 0; n < times; n++) {
      breaker.refusal();
      breaker.failed();
    }
  };
  return { breaker, fail, pass: (more: number) => (ms += more) };
}

const start = "2026-11-29T10:00:00Z";

it("a cluster is asked while it fails now and then", () => {
  const { breaker, fail } = breakerAt(start);
  fail(4);
  breaker.reached();
  fail(4);
  expect(breaker.state()).toBe("closed");
  expect(breaker.refusal()).toBeUndefined();
});

it("after five failures in a row it is not asked for ten seconds, and everybody is told since when it is away", () => {
  const { breaker, fail, pass } = breakerAt(start);
  fail(1);
  pass(60_000);
  fail(4);
  expect(breaker.state()).toBe("open");
  pass(3_500);
  expect(breaker.refusal()).toBe(
    "The cluster could not be reached since 2026-11-29 10:00:00 UTC and was not asked again. It is asked again in 7 s.",
  );
});

it("then one request finds out, and others are refused meanwhile", () => {
  const { breaker, fail, pass } = breakerAt(start);
  fail(5);
  pass(10_000);
  expect(breaker.state()).toBe("half open");
  expect(breaker.refusal()).toBeUndefined();
  expect(breaker.refusal()).toMatch(
    /^The cluster could not be reached since 2026-11-29 10:00:00 UTC and was not asked again\.$/,
  );
  breaker.reached();
  expect([breaker.refusal(), breaker.refusal(), breaker.state()]).toEqual([undefined, undefined, "closed"]);
});

it("if that fails too it is left alone for another ten seconds", () => {
  const { breaker, fail, pass } = breakerAt(start);
  fail(5);
  pass(10_000);
  fail(1);
  expect(breaker.state()).toBe("open");
  pass(9_999);
  expect(breaker.refusal()).toContain("since 2026-11-29 10:00:00 UTC");
  pass(1);
  expect(breaker.refusal()).toBeUndefined();
});

it("a request that was stopped before it could find out leaves that to the next", () => {
  const { breaker, fail, pass } = breakerAt(start);
  fail(5);
  pass(10_000);
  breaker.refusal();
  breaker.leftOpen();
  expect(breaker.refusal()).toBeUndefined();
});
