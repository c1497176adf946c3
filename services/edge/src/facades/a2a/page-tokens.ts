import { createHash } from "node:crypto";
import { A2aError } from "@parley/dialects";
import type { ConversationId, TurnId } from "@parley/protocol";

/** Tasks are listed newest first; of those of one moment by their ids. */
export interface ListOrder {
  /** When its end was stored, or its message accepted, ms since 1970. */
  readonly atMs: number;
  readonly turn_id: TurnId;
}

/** Where a listing goes on. */
export interface ListPlace {
  /** Behind this one. */
  readonly after: ListOrder;
  /** Tasks on the pages before. */
  readonly count: number;
  /** By `laneName`: as far as each context is looked through, as `before` of its transcript; 0: it has no more. Absent: it is to be looked through from its end. */
  readonly lanes: ReadonlyMap<string, LanePlace>;
}

export interface LanePlace {
  readonly before: number;
  /** Where the context has branches: the last turn of the one that is listed. */
  readonly leaf?: TurnId | undefined;
}

export function newestFirst(one: ListOrder, other: ListOrder): number {
  const byTime = other.atMs - one.atMs;
  if (byTime !== 0) return byTime;
  return one.turn_id < other.turn_id ? -1 : Number(one.turn_id > other.turn_id);
}

/** What a token calls a context. Two that are called the same would only be looked through from a wrong place, each by its own records. */
export function laneName(conversation: ConversationId): string {
  return createHash("sha256").update(conversation).digest("base64url").slice(0, 8);
}

export function tokenOf({ after: { atMs, turn_id }, count, lanes }: ListPlace): string {
  const looked = [...lanes].map(
    ([name, { before, leaf }]) => `${name}${before.toString(36)}${leaf === undefined ? "" : `.${leaf}`}`,
  );
  return Buffer.from([atMs, turn_id, count, ...looked].join(":")).toString("base64url");
}

const lane = /^([\w-]{8})([\da-z]{1,10})(?:\.([\w-]{1,64}))?$/;

/** Throws A2aError for what is no token of ours. */
export function placeOfToken(token: string): ListPlace {
  const [time = "", turn_id = "", count = "", ...looked] = Buffer.from(token, "base64url").toString().split(":");
  const isOurs = /^\d{1,16}$/.test(time) && /^[\w-]{1,64}$/.test(turn_id) && /^\d{1,9}$/.test(count);
  const read = looked.map((one) => lane.exec(one));
  if (!isOurs || read.includes(null)) throw new A2aError("INVALID_PARAMS", "`pageToken` is none that came from here.");
  const lanes = new Map(
    read.map((one) => [one?.[1] ?? "", { before: Number.parseInt(one?.[2] ?? "0", 36), leaf: one?.[3] }]),
  );
  return { after: { atMs: Number(time), turn_id }, count: Number(count), lanes };
}
