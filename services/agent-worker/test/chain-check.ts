import { isTerminal, type StoredEvent } from "@parley/protocol";
import { expect } from "vitest";

/** The text a viewer has after all these events. */
export function textOf(events: readonly StoredEvent[]): string {
  return events.reduce((text, event) => {
    if (event.type === "token") return text + event.token;
    return event.type === "turn_restarted" ? event.text : text;
  }, "");
}

/** P1–P3 as they show in the log: attempts rise by one, numbers have no hole, one terminal event and nothing after it. */
export function expectSoundChain(events: readonly StoredEvent[]): void {
  const chain = events.filter((event) => "attempt" in event);
  let attempt = 0;
  let n = 0;
  for (const event of chain) {
    if (event.type === "claimed") {
      expect(event.attempt).toBe(attempt + 1);
      attempt = event.attempt;
      n = 0;
    }
    expect([event.attempt, event.n]).toEqual([attempt, n++]);
  }
  expect(chain.filter(({ type }) => isTerminal(type))).toHaveLength(1);
  expect(isTerminal(chain.at(-1)?.type ?? "")).toBe(true);
}
