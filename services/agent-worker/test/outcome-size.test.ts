import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ChatError,
  Outcome,
  beginningOf,
  cutJsonText,
  encodeEvent,
  endedArguments,
  envelopeBytes,
  foldParts,
  jsonBytes,
  jsonTextBytes,
  limits,
  messageIdOf,
  messagesOf,
  storedParts,
  turnOfRecord,
  turnsOf,
  type ChainEvent,
  type NewTurnRecord,
  type RecordFormat,
  type ToolDefinition,
  type TurnRequest,
} from "@parley/protocol";
import { noSpan } from "@parley/runtime";
import type { ClaimedTurn } from "../src/claimed-turn.ts";
import { cancelledOutcome, completeOutcome, errorOutcome } from "../src/ending.ts";
import { boundOutcome, fitOutcome, maxTextBytes } from "../src/outcome-size.ts";
import { isOutOfCalls, stepCallsOf } from "../src/step-calls.ts";
import { createTurnFold, foldEvent } from "../src/turn-fold.ts";
import { recordsOf } from "../src/turn-records.ts";

/** Text of exactly as many bytes inside JSON as a limit allows, of any mix of characters. */
const pattern = fc
  .array(fc.constantFrom("\0", "\u001f", "\n", '"', "\\", "a", "é", "漢", "\u2028", "😀", "\ud83d"), {
    minLength: 1,
    maxLength: 6,
  })
  .map((characters) => characters.join(""));
const filled = (unit: string, bytes: number): string =>
  cutJsonText(unit.repeat(Math.max(0, Math.ceil(bytes / jsonTextBytes(unit)))), bytes);

const longId = "i".repeat(64);
const request = (unit: string): TurnRequest => ({
  v: 1,
  turn_id: longId,
  conversation_id: "c".repeat(128),
  user: { id: "u".repeat(200), name: filled(unit, 1_000) },
  id: "m".repeat(128),
  message_id: messageIdOf(longId, "user"),
  // 32 KB of text may be six times that inside JSON.
  message: filled(unit, 6 * limits.messageBytes),
  accepted_at: 1_764_000_000_000,
});

const tool: ToolDefinition = {
  name: "look",
  aliases: [],
  description: "Looks.",
  parameters: { type: "object" },
  effect: "read",
  timeout_ms: 1_000,
};

const step = fc.record({
  unit: pattern,
  calls: fc.integer({ min: 0, max: 2 * limits.callsPerStep + 20 }),
  isKnown: fc.boolean(),
  /** As tool workers write it, where there is room for facts; else the end of a call has all its arguments. */
  isReferred: fc.boolean(),
  argumentShare: fc.constantFrom(0, 0.01, 0.2, 1),
  resultShare: fc.constantFrom(0, 0.3, 1),
});

/** A turn that used its limits to the full: what the worker itself lets through, and not a byte less. */
const fullTurn = fc.record({ unit: pattern, steps: fc.array(step, { maxLength: 9 }) }).map(({ unit, steps }) => {
  const fold = createTurnFold();
  let seq = 1;
  const place = () => ({
    conversation_id: "c".repeat(128),
    turn_id: longId,
    attempt: 1,
    n: seq,
    ts: 1_764_000_000_000,
  });
  const write = (event: object): void => foldEvent(fold, seq++, { ...place(), ...event } as ChainEvent);
  write({ type: "token", token: filled(unit, limits.responseBytes) });
  for (const { unit: own, calls, isKnown, isReferred, argumentShare, resultShare } of steps) {
    if (isOutOfCalls(fold)) break;
    const text = JSON.stringify({ text: filled(own, argumentShare * limits.toolArgumentsBytes - 20) });
    const requested = Array.from({ length: calls }, () => ({
      name: isKnown ? "look" : own.repeat(500),
      arguments: text,
    }));
    const committed = stepCallsOf(requested, { turnId: longId, fold, tools: [tool] });
    write({
      type: "step",
      step: fold.steps.length,
      tool_calls: committed,
      usage: { input_tokens: 1, output_tokens: 1 },
    });
    const output = beginningOf(filled(own, resultShare * limits.toolResultBytes), limits.toolResultBytes).result;
    for (const { problem, ...call } of committed) {
      const result = problem ?? output;
      const { attempt: _attempt, n: _n, ...common } = place();
      const status = problem === undefined ? ("completed" as const) : ("failed" as const);
      const said = isReferred ? { ...endedArguments(call.arguments), arguments_id: call.call_id } : {};
      const whole = { result_bytes: 262_144, result_id: call.call_id };
      const end = { ...common, ...call, ...said, status, result, ...whole, duration_ms: 123_456 };
      foldEvent(fold, seq++, { type: "tool_call_end", ...end });
    }
  }
  const stop = new AbortController();
  const turn: ClaimedTurn = {
    request: request(unit),
    fold,
    attempt: 9_999,
    ...{ place: 1, queuedAt: 1 },
    history: Promise.resolve([]),
    stop,
    span: noSpan,
  };
  const sources = Array.from({ length: 4 }, () => ({
    title: filled(unit, 3_000),
    file: filled(unit, 500),
    score: 0.123_456,
  }));
  const handed = { call_id: longId, tool_name: "own", arguments: "" };
  const roomBytes = limits.clientCallsBytes - jsonBytes([handed]);
  const client_calls = [{ ...handed, arguments: cutJsonText(filled(unit, roomBytes), roomBytes) }];
  const known = { agent: "kubernetes", confidence: 0.123_456, model: filled(unit, 128), context: { sources } };
  const metadata = { ...known, client_calls };
  return { turn, metadata };
});

const outcomesOf = ({ turn, metadata }: { turn: ClaimedTurn; metadata: object }): Outcome[] => [
  completeOutcome(turn, metadata),
  cancelledOutcome(turn, "cancelled by user"),
  errorOutcome(turn, new ChatError("STEP_LIMIT")),
];

/** All that is stored at the end of a turn, as it is sent. */
function storedBytes(turn: ClaimedTurn, outcome: Outcome, maxBytes: number = limits.eventBytes): number[] {
  const { request: asked, attempt } = turn;
  const place = {
    conversation_id: asked.conversation_id,
    turn_id: asked.turn_id,
    attempt,
    n: 99_999,
    ts: 1_764_000_000_000,
  };
  const events: ChainEvent[] = [
    { type: "ending", ...place, outcome },
    { ...outcome, ...place },
  ];
  const records = formats.flatMap((format) => [...recordsOf(latest(turn), outcome, { format, maxBytes })]);
  return [...events.map((event) => encodeEvent(event).length), ...records.map(linkedBytes)];
}

const formats: readonly RecordFormat[] = [1, 2];
const latest = (turn: ClaimedTurn) => ({ ...turn, place: 999_999_999_999, queuedAt: 1_999_999_999_999.999 });
/** A record names as many of those before it as it may, the last of which are at the other end of a large stream. */
function linkedBytes(record: NewTurnRecord): number {
  const prev = 999_999_999_999;
  const back = Array.from({ length: limits.recordsBack }, () => prev);
  return jsonBytes("kind" in record ? { ...record, prev, back } : { ...record, prev });
}

describe("the end of a turn with every limit used to the full", () => {
  test("P2: is what whoever has followed it has in the end, and what the transcript has", () => {
    fc.assert(
      fc.property(fullTurn, ({ turn, metadata }) => {
        const outcome = boundOutcome(completeOutcome(turn, { ...metadata, context: { sources: [] } }));
        const place = { conversation_id: "c", turn_id: longId, ts: 1, attempt: 1, n: 1 };
        const seen = foldParts(turn.fold.parts, { ...outcome, ...place });
        for (const format of formats) {
          const records = recordsOf(latest(turn), outcome, { format, maxBytes: limits.eventBytes });
          const [kept] = turnsOf(records.map((record) => turnOfRecord(record, 1)));
          expect(isDeepStrictEqual(kept?.answer && storedParts(kept.answer), seen)).toBe(true);
        }
      }),
      { numRuns: 10 },
    );
  });

  test("is below the limit of an event, which is below what brokers take, with all of its text", () => {
    // Headers are counted too.
    const headerBytes = 100;
    expect(limits.eventBytes).toBeLessThan(1024 * 1024);
    fc.assert(
      fc.property(fullTurn, (full) => {
        for (const outcome of outcomesOf(full)) {
          const bound = boundOutcome(outcome);
          expect(Math.max(...storedBytes(full.turn, bound))).toBeLessThanOrEqual(limits.eventBytes - headerBytes);
          expect(bound.response).toBe(full.turn.fold.text);
          expect(bound.tool_calls.map(({ call_id }) => call_id)).toEqual(
            outcome.tool_calls.map(({ call_id }) => call_id),
          );
          expect(boundOutcome(bound)).toEqual(bound);
        }
      }),
      { numRuns: 7 },
    );
  }, 60_000);

  test("is one record with the longest question that JSON does not lengthen, all its text and all its calls", () => {
    fc.assert(
      fc.property(fullTurn, (full) => {
        const message = cutJsonText(full.turn.request.message, limits.messageBytes);
        const turn = { ...full.turn, request: { ...full.turn.request, message } };
        for (const outcome of outcomesOf(full).map(boundOutcome)) {
          expect(recordsOf(turn, outcome, { format: 2, maxBytes: limits.eventBytes })).toHaveLength(1);
        }
      }),
      { numRuns: 3 },
    );
  }, 60_000);

  test("is told the same by the records of both versions, cut or not", () => {
    const sizes = fc.constantFrom(limits.eventBytes, 100_000, 8_192);
    fc.assert(
      fc.property(fullTurn, sizes, (full, maxBytes) => {
        for (const outcome of outcomesOf(full).map((one) => fitOutcome(one, maxBytes - envelopeBytes))) {
          const [one, two] = formats.map((format) => {
            const records = recordsOf(full.turn, outcome, { format, maxBytes: limits.eventBytes });
            return messagesOf(turnsOf(records.map((record) => turnOfRecord(record, 1))));
          });
          expect(two?.map(({ parts: _parts, ...plain }) => plain)).toEqual(
            one?.map(({ parts: _parts, ...plain }) => plain),
          );
          const { response: message, tool_calls, usage, type: status } = outcome;
          const metadata = outcome.type === "complete" ? outcome.metadata : undefined;
          expect(two?.[1]).toEqual(
            expect.objectContaining({
              message,
              tool_calls,
              usage,
              status,
              ...(metadata === undefined ? {} : { metadata }),
            }),
          );
        }
      }),
      { numRuns: 4 },
    );
  }, 60_000);

  test("fits a broker that takes less, whatever that is: calls go first, an answer that is cut is not told as complete", () => {
    const sizes = fc.oneof(fc.integer({ min: 2_048, max: 8_192 }), fc.integer({ min: 8_192, max: limits.eventBytes }));
    fc.assert(
      fc.property(fullTurn, sizes, (full, maxBytes) => {
        for (const outcome of outcomesOf(full)) {
          const fitted = fitOutcome(outcome, maxBytes - envelopeBytes);
          expect(Math.max(...storedBytes(full.turn, fitted, maxBytes - 100))).toBeLessThanOrEqual(maxBytes);
          expect(outcome.response.startsWith(fitted.response)).toBe(true);
          expect(fitted.type === "complete" && fitted.response !== outcome.response).toBe(false);
          expect(Outcome.safeParse(fitted).success).toBe(true);
          // What a worker shows while the broker takes so little stays whole.
          const response = cutJsonText(outcome.response, maxTextBytes(maxBytes));
          expect(fitOutcome({ ...outcome, response }, maxBytes - envelopeBytes).response).toBe(response);
        }
      }),
      { numRuns: 3 },
    );
  }, 60_000);
});

test("a small turn ends as it is", () => {
  const turn: ClaimedTurn = {
    request: { ...request("a"), message: "hello" },
    fold: { ...createTurnFold(), text: "Hello!" },
    attempt: 1,
    ...{ place: 1, queuedAt: 1 },
    history: Promise.resolve([]),
    stop: new AbortController(),
    span: noSpan,
  };
  const outcome = completeOutcome(turn, { model: "m" });
  expect(boundOutcome(outcome)).toEqual(outcome);
  for (const format of formats) {
    const records = recordsOf(turn, outcome, { format, maxBytes: limits.eventBytes });
    expect(records).toHaveLength(format === 1 ? 2 : 1);
    const turns = turnsOf(records.map((record) => turnOfRecord(record, 1)));
    expect(messagesOf(turns).map(({ message }) => message)).toEqual(["hello", "Hello!"]);
  }
});
