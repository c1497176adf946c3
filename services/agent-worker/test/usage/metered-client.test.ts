import type { QuotaAccount, QuotaGrant } from "@parley/bus";
import { expect, it } from "vitest";
import { createMeteredClient } from "../../src/model/metered-client.ts";
import type { ModelClient, ModelRequest } from "../../src/model/model.ts";
import { createTokenGauge } from "../../src/usage/token-gauge.ts";
import { createTurnHold } from "../../src/usage/turn-hold.ts";
import { createTurnSpending } from "../../src/usage/turn-spending.ts";

const account: QuotaAccount = { id: "t", user: "u", atMs: 0, limits: [] };
const nothing = { tokens: 0, micros: 0 };

/** `asked`: what the turn was to hold in all; `answer`: to the question that is open. */
function bench() {
  let answer: (grant: QuotaGrant) => void = () => {};
  const asked: number[] = [];
  let sent = 0;
  const hold = createTurnHold({
    counters: {
      take: (_account, { want }) => {
        asked.push(want.tokens);
        return new Promise((resolve) => (answer = resolve));
      },
    },
    ...{ account, spent: nothing },
  });
  const lost = { calls: 0, chars: 0 };
  const spending = createTurnSpending({
    ...{ priceOf: () => undefined, gauge: createTokenGauge(), onSpent: () => {}, currency: "USD", hold, lost },
  });
  const provider: ModelClient = {
    async stream() {
      sent++;
    },
  };
  const client = createMeteredClient(provider, () => "m");
  const request: ModelRequest = {
    messages: [{ role: "user", content: "Hello" }],
    ...{ tools: [], requestId: "r", meter: spending.meter("answer") },
  };
  const grant = (): void => answer({ granted: nothing, short: undefined, next: { ...nothing, limit: undefined } });
  return { client, request, spending, asked, sent: () => sent, grant };
}

it("a cancel does not wait for the quota, and what was not sent costs and holds nothing", async () => {
  const { client, request, spending, asked, sent, grant } = bench();
  const stop = new AbortController();
  const streaming = client.stream(request, stop.signal, () => {});
  await Promise.resolve();
  stop.abort(new Error("cancelled"));
  await expect(streaming).rejects.toThrow("cancelled");
  expect(spending.take()).toBeUndefined();
  // Redis answers after all: what it has given is given back.
  grant();
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(asked.at(-1)).toBe(0);
  expect(sent()).toBe(0);
});

it("one that was cancelled before is not asked for", async () => {
  const { client, request, asked, sent } = bench();
  await expect(client.stream(request, AbortSignal.abort(new Error("cancelled")), () => {})).rejects.toThrow(
    "cancelled",
  );
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(asked).toEqual([]);
  expect(sent()).toBe(0);
});
