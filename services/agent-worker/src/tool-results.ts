import {
  FactsFullError,
  loneToolCallEndOf,
  toolCallEndOf,
  type Bus,
  type EventAtSeq,
  type ReadFact,
} from "@parley/bus";
import {
  fitToolCallEnd,
  shortArguments,
  subjects,
  unknownEffect,
  type FactOf,
  type StepCall,
  type ToolCallEndEvent,
  type ToolStatus,
  type TurnRequest,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { foldEvent, type TurnFold } from "./turn-fold.ts";

/** The calls of a turn, as far as their results are concerned. */
export interface CallsOfTurn {
  readonly request: TurnRequest;
  readonly fold: TurnFold;
}

export interface ResultText {
  readonly status: ToolStatus;
  readonly result: string;
  readonly durationMs: number;
}

export interface ToolResultDeps {
  readonly bus: Pick<Bus, "events" | "facts">;
  /** Unique to this process. */
  readonly worker: string;
  readonly log: Logger;
}

export type ToolResults = ReturnType<typeof createToolResults>;

/** Of the arguments that a licence repeats. */
const licenceArgumentBytes = 2_048;

const addressOf = ({ conversation_id: conversation, turn_id: turn }: TurnRequest, { call_id: call }: StepCall) => ({
  ...{ conversation, turn },
  call,
});

/** Results that are stored: each exists once, whoever wrote it. The fact decides and is written first; the event tells of it. */
export function createToolResults({ bus: { events, facts }, worker, log }: ToolResultDeps) {
  const subjectOf = ({ conversation_id, turn_id }: TurnRequest, callId: string): string =>
    subjects.toolResult(events.shardOf(conversation_id), conversation_id, turn_id, callId);

  const endOf = ({ request }: CallsOfTurn, call: StepCall, fact: ReadFact<"result">): ToolCallEndEvent =>
    fact.kind === "result" ? toolCallEndOf(fact) : unreadableEnd(request, call);

  /** Where there is no room for the fact the event is what is kept. */
  const decide = async (calls: CallsOfTurn, call: StepCall, fact: FactOf<"result">): Promise<ToolCallEndEvent> => {
    try {
      return endOf(calls, call, (await facts.write(fact)).fact);
    } catch (error) {
      if (!(error instanceof FactsFullError)) throw error;
      log.warn({ call_id: fact.call_id }, "there was no room for a result's fact: only its event keeps it");
      return loneToolCallEndOf(fact);
    }
  };

  /** The event that is there counts, as viewers have seen it: an older tool worker may have written it alone. */
  const tell = async ({ request, fold }: CallsOfTurn, call: StepCall, event: ToolCallEndEvent): Promise<void> => {
    const shorten = (maxBytes: number): ToolCallEndEvent => fitToolCallEnd(event, maxBytes);
    foldResult(fold, call, await events.writeOnce(subjectOf(request, call.call_id), event, shorten));
  };

  return {
    /** Stores a result unless there is one; the fold gets the one that counts. */
    async settle(calls: CallsOfTurn, call: StepCall, { status, result, durationMs }: ResultText): Promise<void> {
      const { conversation_id, turn_id } = calls.request;
      const { call_id, tool_name, arguments: args } = call;
      const fact: FactOf<"result"> = {
        ...{ kind: "result", v: 1, conversation_id, turn_id, ts: Date.now() },
        ...{ call_id, tool_name, arguments: args },
        ...{ status, result, duration_ms: Math.round(durationMs) },
      };
      await tell(calls, call, await decide(calls, call, fact));
    },

    /**
     * Looks whether a result is there that did not come live, and tells of one that nobody has told of. The broker may be away: then it is looked for
     * again.
     */
    async find(calls: CallsOfTurn, call: StepCall): Promise<boolean> {
      const { request, fold } = calls;
      try {
        const stored = await events.last(subjectOf(request, call.call_id));
        if (stored !== undefined) foldResult(fold, call, stored);
        else {
          const fact = await facts.read("result", addressOf(request, call));
          if (fact !== undefined) await tell(calls, call, endOf(calls, call, fact));
        }
      } catch (err) {
        log.debug({ err, call_id: call.call_id }, "a result could not be looked for");
      }
      return fold.results.has(call.call_id);
    },

    bar: createBar({ events, facts }, worker),
  };
}

function createBar({ events, facts }: Pick<Bus, "events" | "facts">, worker: string) {
  /**
   * Takes the licence of a call, so that it is never run: not by a tool worker that has not begun it, of whichever version. False: one may have
   * run it.
   */
  return async ({ request }: CallsOfTurn, call: StepCall): Promise<boolean> => {
    const { conversation_id, turn_id } = request;
    const { call_id, tool_name, arguments: args } = call;
    const common = { conversation_id, turn_id, ts: Date.now(), call_id };
    const called = { tool_name, arguments: shortArguments(args, licenceArgumentBytes) };
    const fact = await facts.write({ kind: "begun", v: 1, ...common, ...called, worker, barred: true }).then(
      ({ fact: first }) => first,
      withoutRoom(() => facts.read("begun", addressOf(request, call))),
    );
    if (fact !== undefined && (fact.kind !== "begun" || fact.barred !== true)) return false;
    const holder = fact?.worker ?? worker;
    const subject = subjects.toolBegun(events.shardOf(conversation_id), conversation_id, turn_id, call_id);
    const { event } = await events.writeOnce(subject, { type: "tool_begun", ...common, worker: holder });
    return event.type === "tool_begun" && event.worker === holder;
  };
}

/** Without room nobody else gets it either; but what is full now may have been free when the call began. */
function withoutRoom<T>(look: () => Promise<T>) {
  return (error: unknown): Promise<T> => {
    if (error instanceof FactsFullError) return look();
    throw error;
  };
}

/** What stands in a result's place is the result, also if nobody can read it: there will be no other. */
function unreadableEnd({ conversation_id, turn_id }: TurnRequest, call: StepCall): ToolCallEndEvent {
  const { call_id, tool_name, arguments: args } = call;
  const result = unknownEffect("what it came to cannot be read.");
  const end = { call_id, tool_name, arguments: args, status: "unknown" as const, result, duration_ms: 0 };
  return { type: "tool_call_end", conversation_id, turn_id, ts: Date.now(), ...end };
}

function foldResult(fold: TurnFold, call: StepCall, { seq, event }: EventAtSeq): void {
  foldEvent(fold, seq, event);
  if (event.type === "tool_call_end") return;
  const { call_id, tool_name, arguments: args } = call;
  const result = "The result of this call cannot be read.";
  fold.results.set(call_id, { call_id, tool_name, arguments: args, status: "failed", result, duration_ms: 0 });
}
