import { changedMessage, type VisibleEvent } from "@parley/dialects";
import { isTerminal, type TurnId } from "@parley/protocol";
import { deliveryLimits } from "../delivery/delivery-limits.ts";

/**
 * Whether a client with this cursor may lack an event below it. Its edge sends what comes, and an event that others have overtaken comes last: a
 * client that was cut in between has the later ones and their cursor. Which of two events was the late one, nobody can tell afterwards; but it is
 * known that
 * - events of one subject never overtake each other: of the cursor's own subject the client has everything;
 * - the message that is answered, and the end of the answer before, come before an answer and its tools: see `missingBefore`;
 * - a message that was changed while it waited comes after itself, and before its answer is decided; its copy may be late for any other;
 * - events of the conversation alone (its title, its people, what these say to each other and change) overtake those of any other subject, and any other them;
 * - events are not late by much (`overtakingEvents`, `overtakingSeqs`).
 *
 * `clear`: it lacks none. `ofTurn`: it may lack some of this turn, which runs; a snapshot of it says all that. `whole`: it may lack a message or an
 * end. `unknown`: events that matter are below what is known.
 */
export type Doubt = "clear" | "whole" | "unknown" | { readonly ofTurn: TurnId };

/** All visible events above the floor that have come; up to `sure` all there are. */
export interface Recent {
  readonly floor: number;
  readonly events: readonly VisibleEvent[];
  readonly sure: number;
}

export function doubtOf({ floor, events, sure }: Recent, cursor: number): Doubt {
  if (cursor <= floor) return cursor <= 0 ? "clear" : "unknown";
  const place = events.findLastIndex(({ seq }) => seq <= cursor);
  const newest = events[place];
  // No event's: a snapshot's, from which nothing was missing. Or the event has not come here yet.
  if (newest?.seq !== cursor) return cursor <= sure ? "clear" : "unknown";
  const { overtakingEvents, overtakingSeqs } = deliveryLimits;
  const lowest = Math.max(0, cursor - overtakingSeqs);
  const recent = events.slice(Math.max(0, place + 1 - overtakingEvents), place).filter(({ seq }) => seq > lowest);
  const doubt = doubtOfTurn(newest, recent);
  if (doubt === "whole") return doubt;
  return floor <= lowest || place + 1 >= overtakingEvents ? doubt : "unknown";
}

function doubtOfTurn(newest: VisibleEvent, recent: readonly VisibleEvent[]): Exclude<Doubt, "unknown"> {
  const { turn, type } = newest;
  const own = recent.filter((event) => event.turn === turn);
  if (!othersCameBefore(newest, recent) || isAnsweredFirst(own)) return "whole";
  if (turn === "" && own.some((event) => !isOfOneSubject(event, newest))) return "whole";
  // No snapshot of the turn says what was asked.
  if (own.some((event) => event.type === changedMessage) && type !== changedMessage) return "whole";
  const answer = own.filter((event) => event.type !== "message");
  const mayLack =
    isBesideChain(type) || type === "message" ? answer : answer.filter((event) => isBesideChain(event.type));
  if (mayLack.length === 0) return "clear";
  // Of a turn that has ended there are no snapshots.
  return [newest, ...own].some((event) => isTerminal(event.type)) ? "whole" : { ofTurn: turn };
}

/** Whether each other turn had been answered without tools, not cancelled while it waited, before this one's answer began. */
function othersCameBefore(newest: VisibleEvent, recent: readonly VisibleEvent[]): boolean {
  const others = new Set(recent.flatMap(({ turn }) => (turn === newest.turn ? [] : turn)));
  if (others.size === 0) return true;
  if (newest.turn === "") return false;
  const answer = [...recent, newest].filter((event) => event.turn === newest.turn && event.type !== "message");
  const begin = answer[0]?.seq ?? 0;
  // One that ends without having begun was cancelled while it waited.
  if (answer[0] !== undefined && isTerminal(answer[0].type)) return false;
  return [...others].every((other) => {
    const events = recent.filter(({ turn }) => turn === other);
    const end = events.findLast(({ type }) => isTerminal(type));
    const hasBegun = events.some(({ type }) => isChained(type) && !isTerminal(type));
    return end !== undefined && end.seq < begin && hasBegun && !events.some(({ type }) => isBesideChain(type));
  });
}

/** Of two events of the conversation alone. What became of messages has a subject for each of these. */
function isOfOneSubject({ type }: VisibleEvent, newest: VisibleEvent): boolean {
  if (type === "member" || type === "pin") return newest.type === "member" || newest.type === "pin";
  return type === newest.type && (type === "title" || type === "handover" || type === "post");
}

/** The message was stored only after its answer had begun: it does not come before it. */
function isAnsweredFirst(events: readonly VisibleEvent[]): boolean {
  return events.findIndex(({ type }) => type === "message") > 0;
}

function isChained(type: string): boolean {
  return type !== "message" && !isBesideChain(type);
}

const besideChain: ReadonlySet<string> = new Set([
  "tool_call_end",
  "tool_call_progress",
  "approval_required",
  "approval_decided",
  changedMessage,
]);

/**
 * Results and progress of tools, what is asked and decided of them, and a message that was changed, have each a subject of their own; the rest of an answer
 * is one chain.
 */
function isBesideChain(type: string): boolean {
  return besideChain.has(type);
}
