import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  linkTo,
  messageRecordsOf,
  messagesOf,
  partsOfMessage,
  limits,
  readTurnRecord,
  storedParts,
  seqsBefore,
  turnOfRecord,
  turnsOf,
  type FinishedToolCall,
  type NewTurnRecord,
  type Part,
  type StoredTurn,
  type TranscriptMessage,
  type TurnRecord,
} from "@parley/protocol";

const conversation_id = "c1";

interface Told {
  readonly text: string;
  readonly calls: number;
  readonly sources: readonly { title: string; score?: number }[];
  readonly end: "complete" | "cancelled" | "error";
}

const told: fc.Arbitrary<Told> = fc.record({
  text: fc.string({ unit: "binary", maxLength: 20 }).map((text) => text.toWellFormed()),
  calls: fc.integer({ min: 0, max: 3 }),
  sources: fc.array(fc.constantFrom({ title: "a" }, { title: "b", score: 0.5 }), { maxLength: 2 }),
  end: fc.constantFrom("complete", "cancelled", "error"),
});

function callOf(turn: string, nth: number): FinishedToolCall {
  const call = { call_id: `${turn}-0-${nth}`, tool_name: "look", arguments: { nth } };
  return {
    ...call,
    status: "completed",
    result: `result ${nth}`,
    duration_ms: nth,
    result_bytes: 9_000,
    truncated: true,
  };
}

/** As a worker writes it: the text in two pieces, with the calls in between. */
function turnRecord(turn: string, place: number, { text, calls, sources, end }: Told): Omit<TurnRecord, "prev"> {
  const middle = Math.floor(text.length / 2);
  const pieces = [text.slice(0, middle), text.slice(middle)].map((piece) => piece.toWellFormed());
  const [before = "", after = ""] = pieces;
  const textPart = (piece: string): Part[] => (piece === "" ? [] : [{ type: "text", text: piece }]);
  const parts: Part[] = [
    ...(end === "complete" ? sources.map((source) => ({ type: "source" as const, ...source })) : []),
    ...textPart(before),
    ...Array.from({ length: calls }, (_, nth) => ({ type: "tool_call" as const, ...callOf(turn, nth) })),
    ...textPart(after),
  ];
  const metadata = { agent: "general", ...(sources.length === 0 ? { context: { sources: [] } } : {}) };
  const common = { ts: 5 };
  const question = {
    message_id: `${turn}-u`,
    author: { role: "user", id: "ann" },
    parts: textPart("asked"),
    ...common,
  };
  return {
    ...{ v: 2, kind: "turn", conversation_id, turn_id: turn, place, queued_at: place },
    question: { ...question, id: `${turn}-id` },
    answer: {
      ...{ message_id: `${turn}-a`, author: { role: "assistant" }, parts, ...common, status: end },
      usage: { input_tokens: 1, output_tokens: 2 },
      ...(end === "error" ? { code: "MODEL_TIMEOUT", retryable: false } : {}),
      ...(end === "complete" ? { metadata } : {}),
    },
  };
}

/** What a reader gets who sees nothing of how it is stored. */
function plainMessages(turn: string, { text, calls, sources, end }: Told): TranscriptMessage[] {
  const [before, after] = [text.slice(0, Math.floor(text.length / 2)), text.slice(Math.floor(text.length / 2))];
  return [
    {
      message_id: `${turn}-u`,
      turn_id: turn,
      author: { role: "user", id: "ann" },
      message: "asked",
      status: "complete",
      ts: 5,
    },
    {
      ...{ message_id: `${turn}-a`, turn_id: turn, author: { role: "assistant" }, ts: 5, status: end },
      message: before.toWellFormed() + after.toWellFormed(),
      tool_calls: Array.from({ length: calls }, (_, nth) => callOf(turn, nth)),
      usage: { input_tokens: 1, output_tokens: 2 },
      ...(end === "error"
        ? { code: "MODEL_TIMEOUT", error: "The language model stopped answering.", retryable: false }
        : {}),
      ...(end === "complete" ? { metadata: { agent: "general", context: { sources: [...sources] } } } : {}),
    },
  ];
}

function withoutParts(messages: readonly TranscriptMessage[]) {
  return messages.map(({ parts: _parts, ...plain }) => plain);
}

/** How a turn may be stored: one record, one for each message, the message and later all of it, or all of it in both versions. */
const ways = ["2", "1", "1 of two, then 2", "2, then 1", "1, then 2"] as const;

function recordsOf(record: Omit<TurnRecord, "prev">, way: (typeof ways)[number]): NewTurnRecord[] {
  const [question, answer] = messageRecordsOf(record, turnOfRecord(record, 0));
  if (question === undefined || answer === undefined) throw new Error("a turn has two messages");
  // A version that knows nothing of the first record writes its own time, and none of the second's is to be seen.
  const later = { ...record, question: { ...record.question, ts: 99 }, answer: { ...record.answer, ts: 99 } };
  switch (way) {
    case "2":
      return [record];
    case "1":
      return [question, answer];
    case "1 of two, then 2":
      return [question, { ...record, question: later.question }];
    case "2, then 1":
      return [record, { ...question, ts: 99 }, { ...answer, ts: 99 }];
    case "1, then 2":
      return [question, answer, later];
  }
}

/** A chain of records as they stand in `LOG`: read back from JSON, with what cannot be read in between. */
const history = fc
  .array(
    fc.record({
      told,
      way: fc.constantFrom(...ways),
      isSwapped: fc.boolean(),
      garbage: fc.integer({ min: 0, max: 2 }),
    }),
    {
      maxLength: 8,
    },
  )
  .map((turns) => {
    const chain: unknown[] = [];
    const stored = turns.map(({ told: what, way }, i) => recordsOf(turnRecord(`t${i}`, 10 + i, what), way));
    turns.forEach(({ isSwapped, garbage }, i) => {
      const [own, next] = [stored[i] ?? [], stored[i + 1]];
      // The next turn was cancelled while it waited, and stands between the records of this one.
      if (isSwapped && next !== undefined) {
        const [early] = next.splice(0, next.length === 1 ? 1 : 0);
        chain.push(own[0], ...(early === undefined ? [] : [early]), ...own.slice(1));
      } else chain.push(...own);
      const unread = ["garbage", { v: 3, kind: "title", conversation_id, prev: 4, title: "x" }, { v: 2, kind: "turn" }];
      chain.push(...unread.slice(0, garbage));
    });
    const read = chain.flatMap((value, seq): StoredTurn[] => {
      const record = readTurnRecord(
        typeof value === "string" ? value : JSON.parse(JSON.stringify({ prev: seq, ...Object(value) })),
      );
      return record === undefined ? [] : [turnOfRecord(record, seq + 1)];
    });
    return { read, expected: turns.flatMap(({ told: what }, i) => plainMessages(`t${i}`, what)) };
  });

describe("a conversation's records", () => {
  test("of any mix of versions, some twice and some unreadable, are the plain list of its messages, in the order of acceptance", () => {
    fc.assert(
      fc.property(history, ({ read, expected }) => {
        expect(withoutParts(messagesOf(turnsOf(read)))).toEqual(expected);
      }),
    );
  });

  test("give each message parts, or make them of it: their text and calls are the message's", () => {
    fc.assert(
      fc.property(history, ({ read }) => {
        for (const one of messagesOf(turnsOf(read))) {
          const { message, tool_calls = [], parts = partsOfMessage(one) } = one;
          expect(parts.map((part) => ("text" in part ? part.text : "")).join("")).toBe(message);
          expect(parts.filter(({ type }) => type === "tool_call")).toEqual(
            tool_calls.map((call) => ({ type: "tool_call", ...call })),
          );
        }
      }),
    );
  });
});

describe("an answer that is stored as a message of its own", () => {
  const thought: Part = { type: "reasoning", text: "Hm." };
  const pieces = fc.array(
    fc.oneof(
      fc.constantFrom<Part>(thought, { type: "source", title: "b", url: "https://b" }, { type: "new", of: "later" }),
      fc.string({ minLength: 1, maxLength: 5 }).map((text): Part => ({ type: "text", text })),
    ),
    { maxLength: 4 },
  );
  /** With what else a model and its agent say anywhere between. */
  const recorded = fc.tuple(told, fc.array(pieces, { minLength: 9, maxLength: 9 })).map(([what, between]) => {
    const record = turnRecord("t", 1, what);
    const parts = [...record.answer.parts.flatMap((part, i) => [...(between[i] ?? []), part]), ...(between[8] ?? [])];
    return { ...record, answer: { ...record.answer, parts } };
  });
  const asStored = (records: readonly NewTurnRecord[]) =>
    messagesOf(
      turnsOf(
        records.flatMap((record, seq) => {
          const read = readTurnRecord(JSON.parse(JSON.stringify({ prev: 0, ...record })));
          return read === undefined ? [] : [turnOfRecord(read, seq + 1)];
        }),
      ),
    );

  test("has the parts of one that is stored with its question, in the same order", () => {
    fc.assert(
      fc.property(recorded, (record) => {
        const [one, two] = [recordsOf(record, "1"), recordsOf(record, "2")].map((records) => asStored(records)[1]);
        expect(one && storedParts(one)).toEqual(two && storedParts(two));
        expect(one && withoutParts([one])).toEqual(two && withoutParts([two]));
      }),
    );
  });

  test("says what was asked and decided of its calls, also where their order is the usual one", () => {
    const approval = { summary: "Drops it.", expires_at: 9, approved: false, by: { id: "ann" }, reason: "no" };
    for (const calls of [1, 3]) {
      const record = turnRecord("t", 1, { text: "", calls, sources: [], end: "complete" });
      const parts = record.answer.parts.map((part, i) => (i === 0 ? { ...part, approval } : part));
      const [, answer] = asStored(recordsOf({ ...record, answer: { ...record.answer, parts } }, "1"));
      expect(answer?.parts).toEqual(parts);
    }
  });

  test("has no parts where what it says of their order is not of its text", () => {
    const record = turnRecord("t", 1, { text: "abcd", calls: 1, sources: [], end: "complete" });
    const [question, answer] = recordsOf(record, "1");
    if (question === undefined || answer === undefined) throw new Error("two messages");
    expect(asStored([question, answer])[1]?.parts).toHaveLength(3);
    for (const order of [[{ chars: 2 }], [{ chars: 4 }], [{ chars: 4 }, { call_id: "other" }], [{ of: "later" }], 7]) {
      const [, read] = asStored([question, { ...answer, order } as NewTurnRecord]);
      expect(read).toMatchObject({ message: "abcd" });
      expect(read).not.toHaveProperty("parts");
    }
  });
});

interface Kept {
  readonly turn: string;
  readonly what: "Q" | "A";
  readonly place: number;
  readonly queued_at: number;
}

function keptTurn({ turn, what, place, queued_at }: Partial<Kept> & Pick<Kept, "turn" | "what">): StoredTurn {
  const [role, half] = what === "Q" ? (["user", "question"] as const) : (["assistant", "answer"] as const);
  const message = {
    turn_id: turn,
    message_id: `${turn}${what}`,
    author: { role },
    message: "",
    status: "complete",
    ts: 1,
  };
  return { turn_id: turn, seq: 1, place, queued_at, [half]: message };
}

/** Turns in the order of acceptance, and their records in any order in which they may have been stored. */
const stored = fc.integer({ min: 1, max: 6 }).chain((count) => {
  const turns = Array.from({ length: count }, (_, i) => ({ turn: `t${i}`, place: 10 + 3 * i, queued_at: 100 + i }));
  const merge = fc.shuffledSubarray(
    turns.flatMap((_, i) => [i, i]),
    { minLength: 2 * count },
  );
  return merge.map((order): Kept[] => {
    const seen = new Set<number>();
    return order.flatMap((i) => {
      const turn = turns[i];
      const what = seen.has(i) ? ("A" as const) : ("Q" as const);
      seen.add(i);
      return turn === undefined ? [] : [{ ...turn, what }];
    });
  });
});

function idsOf(kept: readonly (Partial<Kept> & Pick<Kept, "turn" | "what">)[]): string[] {
  return messagesOf(turnsOf(kept.map(keptTurn))).map(({ message_id }) => message_id);
}

test("turns are read in the order of acceptance, each with its answer, however they were stored", () => {
  fc.assert(
    fc.property(stored, (records) => {
      const turns = records.length / 2;
      expect(idsOf(records)).toEqual(Array.from({ length: turns }, (_, i) => [`t${i}Q`, `t${i}A`]).flat());
    }),
  );
});

test("records without a place keep the order of the log, question and answer together", () => {
  const read = idsOf([
    { turn: "1", what: "Q" },
    { turn: "2", what: "Q" },
    { turn: "2", what: "A" },
    { turn: "1", what: "A" },
  ]);
  expect(read).toEqual(["1Q", "1A", "2Q", "2A"]);
});

test("a queue that was lost and counts from one again moves nothing", () => {
  const read = idsOf([
    { turn: "old", what: "Q", place: 900, queued_at: 10 },
    { turn: "new", what: "Q", place: 1, queued_at: 20 },
  ]);
  expect(read).toEqual(["oldQ", "newQ"]);
});

test("a record of version 1 that failed says whether to try again, by its own word or its code's", () => {
  const record = { ...{ v: 1, conversation_id, turn_id: "t", message_id: "t-a", ts: 1, message: "", status: "error" } };
  const answer = { ...record, author: { role: "assistant" }, code: "MODEL_TIMEOUT" };
  expect(turnOfRecord(answer, 1).answer?.retryable).toBe(true);
  expect(turnOfRecord({ ...answer, retryable: false }, 1).answer?.retryable).toBe(false);
  expect(turnOfRecord({ ...answer, code: "OF_A_NEWER_VERSION" }, 1).answer).toMatchObject({ retryable: true });
});

test("a record names those before it by how far they stand before the previous one, and is read so", () => {
  expect(linkTo([])).toEqual({ prev: 0 });
  expect(linkTo([20])).toEqual({ prev: 20 });
  expect(linkTo([20, 17, 9])).toEqual({ prev: 20, back: [3, 11] });
  const seqs = Array.from({ length: 60 }, (_, i) => 1_000 - 7 * i);
  expect(seqsBefore(linkTo(seqs))).toEqual(seqs.slice(0, limits.recordsBack + 1));
  // What points before the beginning of the stream is nobody's.
  expect(seqsBefore({ prev: 5, back: [4, 5, 9] })).toEqual([5, 1]);
});
