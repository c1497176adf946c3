import type { Bus } from "@parley/bus";
import type { StoredTurn, SummarisedUntil } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { expect, it } from "vitest";
import { createSummariser } from "../../src/memory/summariser.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

function turnOf(seq: number, text: string, { role = "user", code }: { role?: string; code?: string } = {}): StoredTurn {
  const turn_id = `t${seq}`;
  const said = { turn_id, status: "complete", ts: 0 };
  return {
    ...{ turn_id, conversation_id: "c", seq },
    question: { ...said, message_id: `${turn_id}.u`, author: { role }, message: text },
    answer: {
      ...{ ...said, message_id: `${turn_id}.a`, author: { role: "assistant" }, message: "Fine." },
      ...(code === undefined ? {} : { code, status: "error" }),
    },
  } as StoredTurn;
}

/** Summarises once. Returns what the model was asked, and up to where that goes. */
async function summarise(turns: readonly StoredTurn[]) {
  let question = "";
  let until: SummarisedUntil | undefined;
  const place = { seq: 0, summary: undefined, askedAt: undefined };
  let isDone = (): void => {};
  const done = new Promise<void>((resolve) => (isDone = resolve));
  const bus = {
    summaries: {
      placeOf: async () => place,
      ask: async () => place,
      give: async (_conversation: string, _place: unknown, given: { until: SummarisedUntil }) => {
        ({ until } = given);
        return true;
      },
    },
    transcripts: { path: async () => ({ turns: [...turns], before: 0 }) },
    people: { of: async () => undefined },
  } as unknown as Pick<Bus, "summaries" | "transcripts" | "changes" | "people">;
  const summariser = createSummariser({
    ...{ bus, bounds: () => ({ messages: 10, bytes: 1_000_000 }), askedMs: 1_000 },
    ...{ stopping: new AbortController().signal, onResult: isDone, log },
  });
  summariser.ended("c", turns, async (asked) => {
    question = asked;
    return { text: "A summary.", model: "m" };
  });
  await done;
  return { question, until };
}

it("shows no model what was blocked, and ends with a turn that models are shown", async () => {
  const turns = Array.from({ length: 8 }, (_, n) => turnOf(n + 1, `Message ${n + 1}`));
  const told = await summarise(turns);
  expect(told.until?.seq).toBeGreaterThan(2);
  const last = told.until?.seq ?? 0;
  const blocked = turns.with(last - 1, turnOf(last, "What must not be said", { code: "BLOCKED" }));
  const { question, until } = await summarise(blocked);
  expect(question).toContain("Message 1");
  expect(question).not.toContain("What must not be said");
  expect(until?.seq).toBe(last - 1);
});

it("tells what a person of the staff has written from what the user has", async () => {
  const turns = Array.from({ length: 8 }, (_, n) =>
    turnOf(n + 1, `Message ${n + 1}`, { role: n === 1 ? "operator" : "user" }),
  );
  const { question } = await summarise(turns);
  expect(question).toContain("User: Message 1");
  expect(question).toContain("Staff: Message 2");
});
