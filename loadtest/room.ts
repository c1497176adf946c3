import type { Tally } from "./tally.ts";
import { endsTurn, type Frame } from "./wire.ts";

/** The people of one room, all in one VU, so that what each is shown can be held against what the others are. */
export interface Room {
  readonly id: string;
  /** Somebody looks on. All begin when everybody does: from there each must be shown the same. */
  arrive(begin: () => void): Witness;
  said(id: string): void;
  /** When a message was sent; undefined: it is none of these people's. */
  saidAt(id: string): number | undefined;
}

/** What one of them has been shown. */
export interface Witness {
  /** A frame, if it is an event that is stored. */
  see(frame: Frame): void;
  /** Whether others have been shown more. */
  isBehind(): boolean;
  leave(): void;
}

/** Tokens are joined differently for each viewer; these come as they were stored. */
const storedTypes: ReadonlySet<string> = new Set(["post", "message", "reaction", "member"]);

function isStored({ type, turn }: Frame): boolean {
  return storedTypes.has(type) || (endsTurn(type) && turn !== "");
}

export function createRoom(id: string, people: number, tally: Tally): Room {
  /** What was shown, as whoever was first saw it. */
  const order: string[] = [];
  const sentAtMs = new Map<string, number>();
  const unseen = new Set<string>();
  const messages = new Set<string>();
  const waiting: (() => void)[] = [];
  let left = 0;

  const first = (shown: string, { type, id: message }: Frame): void => {
    order.push(shown);
    if (type !== "post" && type !== "message") return;
    unseen.delete(message);
    if (messages.has(message)) tally.count("repeats");
    messages.add(message);
  };
  const see = (position: number, frame: Frame): void => {
    const shown = `${frame.seq} ${frame.type} ${frame.turn} ${frame.message}`;
    if (position === order.length) first(shown, frame);
    else if (order[position] !== shown) tally.count("out_of_order");
    tally.count("events_seen");
  };
  const leave = (position: number): void => {
    if (position < order.length) tally.count("gaps", order.length - position);
    // Messages that nobody was ever shown.
    if (++left === people && unseen.size > 0) tally.count("unfinished", unseen.size);
  };

  return {
    id,
    arrive(begin) {
      let position = 0;
      waiting.push(begin);
      if (waiting.length === people) for (const each of waiting) each();
      return {
        see: (frame) => void (isStored(frame) && see(position++, frame)),
        isBehind: () => position < order.length || unseen.size > 0,
        leave: () => leave(position),
      };
    },
    said(message) {
      sentAtMs.set(message, Date.now());
      unseen.add(message);
    },
    saidAt: (message) => sentAtMs.get(message),
  };
}
