import type { Random, Range } from "../plan/random.ts";

export type MemberKind = "agent" | "edge" | "tool";
export type BrokerKind = "nats" | "redis";

/** Something that breaks, and comes back by itself after a while. */
export type Fault =
  /** SIGKILL; started again after `downMs`. */
  | { readonly kind: "kill"; readonly member: MemberKind; readonly index: number; readonly downMs: number }
  /** SIGSTOP; SIGCONT after `forMs`: a zombie when it had been given up by then. */
  | { readonly kind: "freeze"; readonly member: MemberKind; readonly index: number; readonly forMs: number }
  /** SIGTERM, as an update does; started again when it has ended. */
  | { readonly kind: "restart"; readonly member: MemberKind; readonly index: number }
  /** Its connection to NATS passes nothing, and then all that was held. */
  | { readonly kind: "stall"; readonly member: MemberKind; readonly index: number; readonly forMs: number }
  /** Its connection to NATS is reset, and so is every new one. */
  | { readonly kind: "sever"; readonly member: MemberKind; readonly index: number; readonly forMs: number }
  /** One of its servers; default: the first. */
  | { readonly kind: "kill broker"; readonly broker: BrokerKind; readonly server?: number; readonly downMs: number }
  | { readonly kind: "freeze broker"; readonly broker: BrokerKind; readonly server?: number; readonly forMs: number }
  /** The server that leads this, of several, when every server has all copies. */
  | { readonly kind: "kill leader"; readonly of: Led; readonly downMs: number }
  /** Another server of the cluster becomes the event stream's leader. */
  | { readonly kind: "move leader" }
  /** The event stream is deleted, with all that is in it. */
  | { readonly kind: "delete events" }
  /** All events are forgotten, as if the time they are kept had passed: the stream stays. With `olderThanMs` those that are there for so long by then. */
  | { readonly kind: "forget events"; readonly olderThanMs?: number };

/** What has a leader: the turns, the consumer that hands them to agent workers, the facts, the consumer that tells of decisions, the events. */
export type Led = "turns" | "deliveries" | "facts" | "decisions" | "events";

export type TimedFault = Fault & { readonly atMs: number };

/** Faults one after the other, the first after one interval. */
export function every(
  random: Random,
  untilMs: number,
  intervalMs: Range,
  make: (index: number) => Fault,
): TimedFault[] {
  const faults: TimedFault[] = [];
  for (let atMs = random.within(intervalMs); atMs < untilMs; atMs += random.within(intervalMs)) {
    faults.push({ ...make(faults.length), atMs });
  }
  return faults;
}

/** A sentence for the timeline. */
export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case "kill":
      return `${fault.member} ${fault.index} killed, back after ${fault.downMs} ms`;
    case "freeze":
      return `${fault.member} ${fault.index} frozen for ${fault.forMs} ms`;
    case "restart":
      return `${fault.member} ${fault.index} stopped and started again`;
    case "stall":
      return `connection of ${fault.member} ${fault.index} to NATS stalled for ${fault.forMs} ms`;
    case "sever":
      return `connection of ${fault.member} ${fault.index} to NATS severed for ${fault.forMs} ms`;
    case "kill broker":
      return `${fault.broker}${fault.server === undefined ? "" : ` ${fault.server}`} killed, back after ${fault.downMs} ms`;
    case "kill leader":
      return `leader of the ${fault.of} killed, back after ${fault.downMs} ms`;
    case "freeze broker":
      return `${fault.broker}${fault.server === undefined ? "" : ` ${fault.server}`} frozen for ${fault.forMs} ms`;
    default:
      return streamFaults[fault.kind];
  }
}

const streamFaults = {
  "move leader": "leader of the event stream moved",
  "delete events": "event stream deleted",
  "forget events": "all events forgotten",
} as const;
