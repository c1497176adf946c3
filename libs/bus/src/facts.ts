import {
  Fact,
  callIdOf,
  encodeJson,
  limits,
  parseStored,
  shardOf,
  shortArguments,
  cutJsonText,
  jsonBytes,
  jsonTextBytes,
  envelopeBytes,
  shardOfSubject,
  streams,
  subjects,
  type CallId,
  type ConversationId,
  type FactKind,
  type FactOf,
  type TurnId,
} from "@parley/protocol";
import type { Appender } from "./appender.ts";
import { createFactReplacing } from "./fact-replacing.ts";
import { FactsFullError, createFactRoom } from "./fact-room.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import { unreadableFact, type FactAddress, type FactCounts, type ReadFact, type StoredFact } from "./stored-fact.ts";
import type { Unreadable } from "./unreadable.ts";
import { raceFor } from "./write-once.ts";

export interface FactDeps {
  readonly jsm: PatientLookups;
  readonly appender: Appender;
  readonly shards: number;
  readonly unreadable: Unreadable;
}

/** `won`: it is this one that counts. `fact`: the one that does. */
export type WrittenFact<Kind extends FactKind> =
  | { readonly won: true; readonly fact: FactOf<Kind> }
  /** `storedMs`: when the broker stored it, by its clock. */
  | { readonly won: false; readonly fact: ReadFact<Kind>; readonly storedMs: number };

/** What is known of one call. */
export interface CallFacts {
  readonly begun?: ReadFact<"begun">;
  readonly result?: ReadFact<"result">;
}

/** All that was decided of a turn. */
export interface TurnFacts {
  readonly said: ReadFact<"said"> | undefined;
  readonly cancel: ReadFact<"cancel"> | undefined;
  /** In the order in which the model asked for them: by step, then within it. */
  readonly calls: ReadonlyMap<CallId, CallFacts>;
}

export type Facts = ReturnType<typeof createFacts>;

const noCounts = (): Record<FactKind, number> => ({
  ...{ said: 0, begun: 0, result: 0, cancel: 0 },
  ...{ asked: 0, decided: 0, like: 0, wait: 0, ack: 0 },
});

/** For a broker that takes less than it should: the result first, then arguments and text. */
function shorten(fact: Fact, maxBytes: number): Fact {
  const roomBytes = maxBytes - envelopeBytes;
  const excess = jsonBytes(fact) - roomBytes;
  if (excess <= 0) return fact;
  if (fact.kind === "said" && fact.given !== undefined)
    return shorten({ ...fact, given: undefined, given_left_out: true }, maxBytes);
  if (fact.kind === "said")
    return { ...fact, message: cutJsonText(fact.message, Math.max(0, jsonTextBytes(fact.message) - excess)) };
  if (fact.kind !== "result") return fact;
  const result = cutJsonText(fact.result, Math.max(0, jsonTextBytes(fact.result) - excess));
  const short = { ...fact, result, truncated: true };
  return {
    ...short,
    arguments: shortArguments(fact.arguments, Math.max(2, roomBytes - jsonBytes({ ...short, arguments: {} }))),
  };
}

/** Single facts, by the word of the stream's leader, or of its only copy. */
function createFactReading({ jsm, shards, unreadable }: Omit<FactDeps, "appender">, counts: FactCounts) {
  const factIn = <Kind extends FactKind>(kind: Kind, message: FoundMessage | null): ReadFact<Kind> | undefined => {
    if (message === null) return undefined;
    const { data } = Fact.safeParse(parseStored(message.data));
    if (data !== undefined && isOfKind(kind, data)) return data;
    unreadable.note("fact", message);
    return unreadableFact;
  };
  const subjectOf = (kind: FactKind, { conversation, turn, call }: FactAddress): string =>
    subjects.fact(shardOf(conversation, shards), conversation, turn, { kind, ...(call === undefined ? {} : { call }) });

  const readAt = async <Kind extends FactKind>(kind: Kind, subject: string): Promise<StoredFact<Kind> | undefined> => {
    counts.read++;
    const message = await jsm.lookUp(streams.facts(shardOfSubject(subject)), { last_by_subj: subject });
    const fact = factIn(kind, message);
    if (message === null || fact === undefined) return undefined;
    return { fact, storedMs: message.time.getTime(), seq: message.seq };
  };
  const readStored = <Kind extends FactKind>(kind: Kind, address: FactAddress): Promise<StoredFact<Kind> | undefined> =>
    readAt(kind, subjectOf(kind, address));
  const read = async <Kind extends FactKind>(kind: Kind, address: FactAddress): Promise<ReadFact<Kind> | undefined> =>
    (await readStored(kind, address))?.fact;
  return { subjectOf, readAt, readStored, read };
}

/** Writes facts, each once. */
function createFactWriting(
  { appender, shards }: Pick<FactDeps, "appender" | "shards">,
  counts: FactCounts,
  { subjectOf, readAt }: ReturnType<typeof createFactReading>,
  isFull: (shard: number) => boolean,
) {
  const noRoom = (description: string): FactsFullError => {
    counts.withoutRoom++;
    return new FactsFullError(description);
  };

  return async <Kind extends FactKind>(fact: FactOf<Kind>): Promise<WrittenFact<Kind>> => {
    const { kind, conversation_id: conversation, turn_id: turn } = fact;
    const call = "call_id" in fact ? { call: fact.call_id } : {};
    // What is left is for turns that run.
    if (kind === "said" && isFull(shardOf(conversation, shards))) throw noRoom("no room is left for new turns");
    const raced = await raceFor<FactOf<Kind>, StoredFact<Kind>>(
      {
        append: appender.append,
        read: (subject) => readAt<Kind>(kind, subject),
        isSame: (found, own) => JSON.stringify(found.fact) === JSON.stringify(Fact.parse(own)),
      },
      subjectOf(kind, { conversation, turn, ...call }),
      { whole: fact, encode: encodeJson, shorten: (maxBytes) => shortenAs(fact, maxBytes), noRoom },
    );
    counts[raced.won ? "written" : "refused"][kind]++;
    return raced.won ? { won: true, fact: raced.own } : { won: false, ...raced.found };
  };
}

/**
 * What decides, for longer than events are kept. Each fact is written once: the first one counts. Reads that decide are answered by the leader of the
 * stream, or by its only copy.
 */
export function createFacts(deps: FactDeps) {
  const { jsm, shards } = deps;
  const room = createFactRoom(jsm, shards);
  const counts: FactCounts = { written: noCounts(), refused: noCounts(), withoutRoom: 0, read: 0 };
  const reading = createFactReading(deps, counts);
  const { read, readStored } = reading;

  return {
    counts,

    /**
     * Writes a fact unless there is one of its kind. Throws OVERLOADED when the broker does not answer for 15 s, and at once when there is no room for
     * it: FactsFullError.
     */
    write: createFactWriting(deps, counts, reading, room.isFull),

    /**
     * Writes a fact of which the last one counts, if `mayReplace` says so of the one that is there. Returns whether it has. Throws EventTooLargeError,
     * FactsFullError, and OVERLOADED when the broker does not answer for 15 s.
     */
    replace: createFactReplacing(deps.appender, counts, reading),

    /** Undefined: there is none. Throws when the broker does not answer for 10 s. */
    read,

    /** The same with when it was stored, by the broker's clock. */
    readStored,

    /** What is known of these calls, of each that anything is known of. */
    ofCalls: (conversation: ConversationId, turn: TurnId, calls: readonly CallId[]): Promise<Map<CallId, CallFacts>> =>
      ofCalls(read, { conversation, turn }, calls),

    /**
     * All facts of a turn. Which calls there were is found by their names, one exact look-up for each that could have been: a look for all subjects
     * below a turn takes nats-server 2.9 time for each subject of the stream, and there are as many as 8 days have. `known`: the calls of its first steps.
     */
    async ofTurn(conversation: ConversationId, turn: TurnId, known: readonly CallId[][] = []): Promise<TurnFacts> {
      const address = { conversation, turn };
      const [said, cancel, first, others] = await Promise.all([
        read("said", address),
        read("cancel", address),
        ofCalls(read, address, known.flat()),
        callsOfTurn(read, address, known.length),
      ]);
      return { said, cancel, calls: new Map([...first, ...others]) };
    },

    /** Of the fullest stream, from 0; at 1 and above no new turn is accepted. */
    fill: room.fill,

    /** Removes the facts of a conversation up to that sequence of its stream (default: all). Can be repeated; throws when the broker does not answer. */
    async purge(conversation: ConversationId, upTo?: number): Promise<void> {
      const shard = shardOf(conversation, shards);
      const seq = upTo === undefined ? {} : { seq: upTo + 1 };
      await jsm.streams.purge(streams.facts(shard), { filter: subjects.factsOf(shard, conversation), ...seq });
    },
  };
}

function isOfKind<Kind extends FactKind>(kind: Kind, fact: Fact): fact is FactOf<Kind> {
  return fact.kind === kind;
}

function shortenAs<Kind extends FactKind>(fact: FactOf<Kind>, maxBytes: number): FactOf<Kind> {
  const short = shorten(fact, maxBytes);
  return isOfKind<Kind>(fact.kind, short) ? short : fact;
}

type Read = <Kind extends FactKind>(kind: Kind, address: FactAddress) => Promise<ReadFact<Kind> | undefined>;

async function ofCalls(read: Read, turn: FactAddress, calls: readonly CallId[]): Promise<Map<CallId, CallFacts>> {
  const found = await Promise.all(
    calls.map(async (call): Promise<[CallId, CallFacts]> => {
      const [begun, result] = await Promise.all([read("begun", { ...turn, call }), read("result", { ...turn, call })]);
      return [call, { ...(begun === undefined ? {} : { begun }), ...(result === undefined ? {} : { result }) }];
    }),
  );
  return new Map(found.filter(([, { begun, result }]) => begun !== undefined || result !== undefined));
}

function idsOf(turn: TurnId, step: number, from: number, to: number): CallId[] {
  return Array.from({ length: to - from }, (_, i) => callIdOf(turn, step, from + i));
}

/**
 * A step begins when all calls of the one before have their results, so the first step without any fact is beyond the last. Calls beyond
 * `callsPerStep` are never run, so they are looked for only where others were.
 */
async function callsOfTurn(read: Read, address: FactAddress, firstStep: number): Promise<Map<CallId, CallFacts>> {
  const all = new Map<CallId, CallFacts>();
  for (let step = firstStep; step <= limits.callsPerTurn; step++) {
    const run = await ofCalls(read, address, idsOf(address.turn, step, 0, limits.callsPerStep));
    const most = limits.callsPerStep + limits.refusedCallsPerStep;
    const looksOn = run.size > 0 || step > firstStep;
    const refused = looksOn ? await ofCalls(read, address, idsOf(address.turn, step, limits.callsPerStep, most)) : [];
    if (run.size === 0 && [...refused].length === 0) break;
    for (const [call, facts] of [...run, ...refused]) all.set(call, facts);
  }
  return all;
}
