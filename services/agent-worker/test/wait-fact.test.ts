import fc from "fast-check";
import {
  Fact,
  callIdOf,
  cutJsonText,
  decodeJson,
  encodeJson,
  envelopeBytes,
  isReasoning,
  isText,
  jsonBytes,
  limits,
  textOf,
  type ChainEvent,
  type FactOf,
  type TurnRequest,
} from "@parley/protocol";
import { describe, expect, test } from "vitest";
import { providerCallsOf } from "../src/provider-calls.ts";
import { createTurnFold, foldEvent, type TurnFold } from "../src/turn-fold.ts";
import { foldOfWait, waitFactOf } from "../src/wait-fact.ts";

const units = fc.constantFrom("\0", "\n", '"', "\\", "a", "é", "漢", "\u2028", "😀", "\ud83d", "ab\n");
const filled = (unit: string, bytes: number): string => cutJsonText(unit.repeat(Math.max(0, bytes)), bytes);
const share = fc.constantFrom(0, 0.02, 0.5, 1);

const turnId = "i".repeat(64);
const request: TurnRequest = {
  ...{ v: 1, turn_id: turnId, conversation_id: "c".repeat(128), user: { id: "u" }, id: "m", message_id: "m" },
  ...{ message: "hello", accepted_at: 1_764_000_000_000 },
};

const step = fc.record({ unit: units, calls: fc.integer({ min: 1, max: limits.callsPerStep }) });

/** A turn that used the given shares of its limits, all together. */
const turn = fc
  .record({
    ...{ unit: units, text: share, reasoning: share, args: share, provider: share },
    ...{ sources: fc.integer({ min: 0, max: 4 }), steps: fc.array(step, { minLength: 1, maxLength: 4 }) },
  })
  .map(({ unit, text, reasoning, args, provider, sources, steps }) => {
    const fold = createTurnFold();
    let seq = 1;
    const common = { conversation_id: request.conversation_id, turn_id: turnId, attempt: 1, ts: 1_764_000_000_000 };
    const write = (event: object): void => {
      foldEvent(fold, seq, { ...common, n: seq, ...event } as ChainEvent);
      seq++;
    };
    write({ type: "claimed", worker: "w" });
    write({ type: "thinking", message: "…" });
    const found = Array.from({ length: sources }, (_, i) => ({ title: `${i}${filled(unit, 3_000)}`, score: 0.5 }));
    write({ type: "progress", step: "rag_retrieval", message: "…", sources: found });
    const each = (limit: number, of: number): number => Math.floor((limit * of) / steps.length);
    for (const [at, { unit: own, calls }] of steps.entries()) {
      const thought = filled(own, each(limits.turnReasoningBytes, reasoning));
      if (thought !== "") write({ type: "reasoning", token: thought });
      const said = filled(own, each(limits.responseBytes, text));
      if (said !== "") write({ type: "token", token: said });
      const bytes = Math.floor(each(limits.turnArgumentsBytes, args) / calls) - 20;
      const fields = { message_fields: { reasoning_content: filled(own, provider * limits.stepProviderBytes) } };
      const requested = Array.from({ length: calls }, (_, i) => ({
        name: "ask",
        arguments: "{}",
        provider: { id: `call_${at}_${i}`, ...(i === 0 && provider > 0 ? fields : {}) },
      }));
      const kept = providerCallsOf(requested, fold);
      const tool_calls = requested.map((_, i) => ({
        ...{ call_id: callIdOf(turnId, at, i), tool_name: filled(own, limits.toolNameBytes) },
        arguments: { text: filled(own, bytes) },
        ...(kept[i] === undefined ? {} : { provider: kept[i] }),
      }));
      write({ type: "step", step: at, tool_calls, usage: { input_tokens: 1, output_tokens: 1 } });
      for (const call of tool_calls) write({ type: "tool_call_start", ...call });
    }
    return fold;
  });

const callsOf = ({ steps }: TurnFold): string[] => (steps.at(-1)?.calls ?? []).map(({ call_id }) => call_id);
const waitOf = (fold: TurnFold, maxBytes: number = limits.eventBytes): FactOf<"wait"> | undefined =>
  waitFactOf({ request, fold, attempt: 9_999 }, { calls: callsOf(fold), until: 1_764_000_900_000 }, maxBytes);

function stored(fact: FactOf<"wait">): FactOf<"wait"> {
  const read = decodeJson(Fact, encodeJson(fact));
  if (read.kind !== "wait") throw new Error(read.kind);
  return read;
}

describe("what a turn needs to go on, with any share of every limit used", () => {
  test("fits what is stored, or is not stored at all", () => {
    fc.assert(
      fc.property(turn, fc.constantFrom(limits.eventBytes, limits.eventBytes / 4), (fold, maxBytes) => {
        const fact = waitOf(fold, maxBytes);
        expect(fact === undefined ? 0 : jsonBytes(fact)).toBeLessThanOrEqual(maxBytes - envelopeBytes);
      }),
      { numRuns: 5 },
    );
  });

  test("has the text, the calls and all that the provider needs, however much had to go", () => {
    fc.assert(
      fc.property(turn, (fold) => {
        const fact = waitOf(fold);
        fc.pre(fact !== undefined);
        const again = foldOfWait(stored(fact!));
        expect(again.text).toBe(fold.text);
        expect(again.committedText).toBe(fold.committedText);
        expect(again.usage).toEqual(fold.usage);
        expect(again.workedMs).toBe(fold.workedMs);
        expect(again.attempt - again.released).toBe(9_999 - fold.released - 1);
        const bare = ({ steps }: TurnFold) =>
          steps.map(({ text, calls }) => ({
            text,
            calls: calls.map(({ provider, ...call }) => ({ ...call, id: provider?.id })),
          }));
        expect(bare(again)).toEqual(bare(fold));
        expect(textOf(again.parts)).toBe(textOf(fold.parts));
      }),
      { numRuns: 5 },
    );
  });

  test("is the same turn as before, to the last part, where there is room for all of it", () => {
    fc.assert(
      fc.property(turn, (fold) => {
        const fact = waitOf(fold, 4 * limits.eventBytes);
        const again = foldOfWait(stored(fact!));
        // Where they stand among events that may be forgotten is of no use to whoever goes on from it.
        expect(again.steps).toEqual(fold.steps.map(({ seq: _seq, ...step }) => step));
        expect(again.parts).toEqual(fold.parts);
        expect(again.reasoningBytes).toBe(fold.reasoningBytes);
      }),
      { numRuns: 5 },
    );
  });

  test("loses nothing but what the model thought, in this order: what people see, what its provider is given back", () => {
    const unseen = ({ parts }: TurnFold) => parts.filter((part) => !isReasoning(part) && !isText(part));
    const thinks = ({ steps }: TurnFold) => steps.some(({ calls }) => calls[0]?.provider?.message_fields);
    fc.assert(
      fc.property(turn, (fold) => {
        const fact = waitOf(fold);
        fc.pre(fact !== undefined);
        const again = foldOfWait(stored(fact!));
        expect(unseen(again)).toEqual(unseen(fold));
        const isQuiet = again.parts.every((part) => !isReasoning(part));
        // With its reasoning it is whole, and what the provider gets back goes only behind that.
        expect(isQuiet ? unseen(again) : again.parts).toEqual(isQuiet ? unseen(fold) : fold.parts);
        expect(isQuiet || thinks(again) === thinks(fold)).toBe(true);
      }),
      { numRuns: 5 },
    );
  });

  test("has no room with everything used to the full", () => {
    const fold = createTurnFold();
    const text = "\0".repeat(limits.responseBytes / 6);
    const common = { conversation_id: "c", turn_id: turnId, attempt: 1, n: 1, ts: 1 };
    foldEvent(fold, 1, { type: "token", ...common, token: text });
    const call = { call_id: callIdOf(turnId, 0, 0), tool_name: "ask" };
    const args = { text: "a".repeat(limits.turnArgumentsBytes - 20) };
    const usage = { input_tokens: 1, output_tokens: 1 };
    foldEvent(fold, 2, { type: "step", ...common, step: 0, tool_calls: [{ ...call, arguments: args }], usage });
    expect(waitOf(fold)).toBeUndefined();
    expect(waitOf(fold, 2 * limits.eventBytes)).toBeDefined();
  });
});

test("the model that was chosen in place of the first one stays chosen, over a wait too", () => {
  const fold = createTurnFold();
  const common = { conversation_id: "c", turn_id: turnId, attempt: 1, n: 1, ts: 1 };
  foldEvent(fold, 1, { type: "progress", ...common, step: "generating", message: "…" });
  expect(fold.decisions.model).toBeUndefined();
  expect(waitOf(fold)).not.toHaveProperty("model");
  foldEvent(fold, 2, { type: "progress", ...common, step: "model", message: "…", model: "b" });
  foldEvent(fold, 3, { type: "progress", ...common, step: "generating", message: "…" });
  const fact = waitOf(fold);
  expect([fold.decisions.model, fact && foldOfWait(stored(fact)).decisions.model]).toEqual(["b", "b"]);
});
