import { expect, test } from "vitest";
import { createCircuitBreaker } from "../../src/model-routes/circuit-breaker.ts";

function breakerOf(failures = 3) {
  const clock = { ms: 0 };
  const states: string[] = [];
  const breaker = createCircuitBreaker({
    ...{ failures, openMs: 1_000 },
    clock: () => clock.ms,
    onState: (state) => void states.push(state),
  });
  const fail = (times: number): void => {
    for (let i = 0; i < times; i++) breaker.begin()("failed");
  };
  return { breaker, clock, states, fail };
}

test("opens after failures in a row, and not before", () => {
  const { breaker, fail, states } = breakerOf();
  fail(2);
  breaker.begin()("ok");
  fail(2);
  expect([breaker.state(), breaker.isFree()]).toEqual(["closed", true]);
  fail(1);
  expect([breaker.state(), breaker.isFree(), states]).toEqual(["open", false, ["open"]]);
});

test("what was given up says nothing, and is no break in a row of failures", () => {
  const { breaker, fail } = breakerOf();
  fail(2);
  breaker.begin()("unknown");
  fail(1);
  expect(breaker.state()).toBe("open");
});

test("when its time is over one request tries, and the others go elsewhere until it is answered", () => {
  const { breaker, clock, fail, states } = breakerOf();
  fail(3);
  clock.ms = 1_000;
  expect([breaker.state(), breaker.isFree()]).toEqual(["half-open", true]);
  const probe = breaker.begin();
  expect(breaker.isFree()).toBe(false);
  probe("ok");
  expect([breaker.state(), breaker.isFree(), states]).toEqual(["closed", true, ["open", "closed"]]);
});

test("one failure of whoever tries opens it for as long again", () => {
  const { breaker, clock, fail } = breakerOf();
  fail(3);
  clock.ms = 1_000;
  breaker.begin()("failed");
  expect(breaker.state()).toBe("open");
  clock.ms = 1_999;
  expect(breaker.isFree()).toBe(false);
  clock.ms = 2_000;
  expect(breaker.isFree()).toBe(true);
});

test("a try that somebody gives up leaves the place to the next", () => {
  const { breaker, clock, fail } = breakerOf();
  fail(3);
  clock.ms = 1_000;
  breaker.begin()("unknown");
  expect([breaker.state(), breaker.isFree()]).toEqual(["half-open", true]);
});

test("an answer to whoever asked all the same closes it; a failure does not keep it open for longer", () => {
  const { breaker, clock, fail } = breakerOf();
  fail(3);
  clock.ms = 500;
  fail(5);
  clock.ms = 1_000;
  expect(breaker.state()).toBe("half-open");
  const probe = breaker.begin();
  breaker.begin()("ok");
  expect(breaker.state()).toBe("closed");
  probe("unknown");
  probe("failed");
  expect(breaker.state()).toBe("closed");
});
