import type { QuotaAccount, QuotaCounters, QuotaGrant, UsedUp } from "@parley/bus";
import type { Spent } from "@parley/protocol";
import { expect, it } from "vitest";
import { streamLimited } from "../../src/model/limited-stream.ts";
import type { ModelClient, ModelEvent, ModelRequest } from "../../src/model/model.ts";
import { createTurnHold } from "../../src/usage/turn-hold.ts";

const request: ModelRequest = { messages: [], tools: [], requestId: "r" };
const account: QuotaAccount = { id: "t", user: "u", atMs: 0, limits: [] };
const limit: UsedUp = { limit: { name: "tokens_per_user", period: "day" }, untilMs: 0 };

type QuotaAmounts = Parameters<QuotaCounters["take"]>[1];

/** One limit of tokens, as `takeScript` keeps it. */
function countersOf(mostTokens: number) {
  let had: Spent = { tokens: 0, micros: 0 };
  return {
    has: () => had.tokens,
    async take(_account: QuotaAccount, { spent, must, want }: QuotaAmounts): Promise<QuotaGrant> {
      await Promise.resolve();
      if (must.tokens > mostTokens) {
        had = spent ?? { tokens: 0, micros: 0 };
        return { refused: limit };
      }
      had = { tokens: Math.min(want.tokens, mostTokens), micros: 0 };
      const short = want.tokens > mostTokens ? limit : undefined;
      return { granted: had, short, next: { tokens: mostTokens - had.tokens, micros: Infinity, limit } };
    },
  };
}

/** Each text is as many tokens as it has words. */
function tokensOf(event: ModelEvent): number {
  return event.type === "text" ? event.text.split(" ").length : 0;
}

async function told(mostTokens: number, batches: readonly (readonly ModelEvent[])[]) {
  const counters = countersOf(mostTokens);
  const hold = createTurnHold({ counters, account, spent: { tokens: 0, micros: 0 } });
  const held = hold.begin({ tokens: 100, micros: 0 }, 0);
  let output = 0;
  const count = (event: ModelEvent): number => {
    const tokens = tokensOf(event);
    output += tokens;
    held.wrote(tokens);
    return output;
  };
  const client: ModelClient = {
    async stream(_request, signal, onEvents) {
      for (const batch of batches) {
        signal.throwIfAborted();
        onEvents(batch);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
  };
  await held.allowed;
  let shown = 0;
  const result = await streamLimited({
    ...{ client, request, signal: new AbortController().signal },
    limit: { ...held, count, counted: () => {} },
    onEvents: (events) => (shown += events.reduce((sum, event) => sum + tokensOf(event), 0)),
  }).then(
    () => "whole",
    (error: { code?: string }) => error.code,
  );
  held.ended({ tokens: 100 + output, micros: 0 });
  await new Promise((resolve) => setTimeout(resolve, 5));
  return { shown, result, counted: counters.has() - 100 };
}

const words = (count: number): ModelEvent => ({
  type: "text",
  text: Array.from({ length: count }, () => "a").join(" "),
});
const burst = (count: number): ModelEvent[] => Array.from({ length: count }, () => words(1));

it("an answer that comes all at once is told as far as there is quota, and counts as a whole", async () => {
  const { shown, result, counted } = await told(1_100, [burst(5_000)]);
  expect(result).toBe("QUOTA_EXCEEDED");
  expect(shown).toBeLessThanOrEqual(1_000);
  expect(shown).toBeGreaterThan(800);
  expect(counted).toBe(5_000);
});

it("of one piece that is more than there is nothing is told", async () => {
  expect(await told(1_100, [burst(10), [words(5_000)]])).toMatchObject({ shown: 10, result: "QUOTA_EXCEEDED" });
});

it("an answer that comes all at once is told whole where there is room", async () => {
  expect(await told(10_000, [burst(5_000)])).toEqual({ shown: 5_000, result: "whole", counted: 5_000 });
});
