import type { Bus, FactAddress, StoredFact } from "@parley/bus";
import {
  agreementLapsed,
  decidedEventOf,
  hasExpired,
  hasLapsed,
  notAgreedInTime,
  subjects,
  type AskedAt,
  type FactOf,
} from "@parley/protocol";

/** What a person was asked about a call, and what they said. Times are the broker's. */
export interface CallApproval {
  readonly asked: AskedAt;
  readonly decided: Pick<StoredFact<"decided">, "fact" | "storedMs"> | undefined;
}

/** As it was looked up at that time, by the broker's clock; 0: nothing hangs on it. */
export interface SeenApproval extends CallApproval {
  readonly seenMs: number;
}

/** `denied`: `result` is what people and the model read. `late`: agreed to after its time; `lapsed`: in time, and that time is over. */
export type Verdict =
  | { readonly kind: "undecided" }
  | { readonly kind: "approved" }
  | { readonly kind: "denied"; readonly how: "denied" | "expired" | "late" | "lapsed"; readonly result: string };

export type DecisionKind = "approved" | Extract<Verdict, { kind: "denied" }>["how"];

function deniedResult({ by, reason }: FactOf<"decided">): string {
  if (by === undefined) return "Denied.";
  const who = `Denied by ${by.name ?? by.id}`;
  return reason === undefined || reason === "" ? `${who}.` : `${who}: ${reason}`;
}

/** Its tool worker has the last word on whether the call begins in time, and is what was shown. */
export function verdictOf({ asked, decided, seenMs }: SeenApproval): Verdict {
  if (decided === undefined) return { kind: "undecided" };
  const { fact, storedMs } = decided;
  if (fact.kind === "unreadable") {
    return { kind: "denied", how: "denied", result: "Not run: what was decided about it cannot be read." };
  }
  if (hasExpired(asked, { fact, storedMs })) {
    return { kind: "denied", how: fact.expired === true ? "expired" : "late", result: notAgreedInTime };
  }
  if (!fact.approved) return { kind: "denied", how: "denied", result: deniedResult(fact) };
  if (hasLapsed(asked, seenMs)) return { kind: "denied", how: "lapsed", result: agreementLapsed };
  return { kind: "approved" };
}

type Facts = Pick<Bus["facts"], "readStored">;

/** Undefined: nobody has asked for it, or what was asked cannot be read. */
export async function readApproval(facts: Facts, address: FactAddress): Promise<CallApproval | undefined> {
  const [asked, decided] = await Promise.all([
    facts.readStored("asked", address),
    facts.readStored("decided", address),
  ]);
  if (asked?.fact.kind !== "asked") return undefined;
  return { asked: { fact: asked.fact, storedMs: asked.storedMs }, decided };
}

/** The event of a decision, if it is not there. Of one that cannot be read a newer version tells. */
export async function tellDecision({ events }: Pick<Bus, "events">, { asked, decided }: CallApproval): Promise<void> {
  if (decided?.fact.kind !== "decided") return;
  const event = decidedEventOf(asked, { fact: decided.fact, storedMs: decided.storedMs });
  const { conversation_id, turn_id, call_id } = event;
  const shard = events.shardOf(conversation_id);
  await events.ensureWritten(subjects.approvalDecided(shard, conversation_id, turn_id, call_id), event);
}
