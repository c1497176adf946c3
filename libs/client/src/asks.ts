import type { ClientFrameInput, ConversationView, DecisionFrame, FrameError } from "@parley/protocol/fold";
import { createDeferred, type Deferred } from "./deferred.ts";
import { queueFull } from "./send-limits.ts";

/** A frame that answers what was asked. */
type Told = FrameError | DecisionFrame;

type Answer<T> = Pick<Deferred<T>, "resolve" | "reject">;

/** What is asked of a conversation: `requests.ts` has the kinds. */
export interface Request<T> {
  /** Sent now, and again on every new connection. Undefined: there is nothing to send. */
  readonly frame?: ClientFrameInput | undefined;
  /** The turn whose end is waited for. */
  readonly turnId?: string;
  /** A later one about the same takes its place: sent once more after it, this one would undo it. */
  readonly about?: string | undefined;
  /** It ends as that one does. */
  readonly follow?: (answer: Answer<T>, later: Promise<unknown>) => void;
  /** Once it was sent, it is over: on a later connection it would mean something else. */
  readonly isOnce?: boolean;
  /** Settles the answer if the view shows it, or if it was told. */
  readonly look: (view: ConversationView, answer: Answer<T>, told?: Told) => void;
}

/** What was asked for and is not settled yet. */
export interface Asks {
  readonly add: <T>(request: Request<T>) => Promise<T>;
  /** What was asked with a frame. */
  readonly frames: () => ClientFrameInput[];
  /** The turns whose end somebody waits for. */
  readonly turnIds: () => string[];
  /** To be called after the view has changed. Returns whether what was told has settled something. */
  readonly look: (told?: Told) => boolean;
  /** On a new connection. */
  readonly flush: () => void;
  /** The turns that the view has are gone. Those that it does not have may be new ones. */
  readonly lost: (reason: Error) => void;
  readonly close: (reason: Error) => void;
}

interface Ask extends Omit<Request<unknown>, "look" | "follow"> {
  readonly look: (told?: Told) => void;
  readonly follow: (later: Promise<unknown>) => void;
  readonly reject: (reason: Error) => void;
}

/** More than a turn has calls. */
const maxAsked = 64;

export function createAsks(view: () => ConversationView, send: (frame: ClientFrameInput) => boolean): Asks {
  const asks = new Set<Ask>();
  /** Of the turns that were lost last, why. */
  let gone: ReadonlyMap<string | undefined, Error> = new Map();
  const frames = (): ClientFrameInput[] => [...asks].flatMap(({ frame }) => frame ?? []);

  function sendAgain(ask: Ask): void {
    if (ask.frame && send(ask.frame) && ask.isOnce) asks.delete(ask);
  }

  function look(told?: Told): boolean {
    const before = asks.size;
    for (const ask of asks) ask.look(told);
    return asks.size < before;
  }

  return {
    add: <T>({ look: find, follow, ...request }: Request<T>) => {
      const { promise, resolve, reject } = createDeferred<T>();
      const answer: Answer<T> = {
        resolve: (value) => resolve((asks.delete(ask), value)),
        reject: (reason) => reject((asks.delete(ask), reason)),
      };
      const ask: Ask = {
        ...request,
        look: (told) => find(view(), answer, told),
        follow: (later) => follow?.(answer, later),
        reject: answer.reject,
      };
      overtake(asks, request.about, promise);
      // Whoever stops a turn has no use for a refusal, and there are no more of these than turns.
      const isBounded = ask.frame && ask.frame.type !== "cancel";
      if (isBounded && frames().length >= maxAsked) reject(queueFull("Too much waits."));
      else asks.add(ask);
      ask.look();
      const reason = view().turns.some(({ turn_id }) => turn_id === ask.turnId) ? undefined : gone.get(ask.turnId);
      if (reason) ask.reject(reason);
      if (asks.has(ask)) sendAgain(ask);
      return promise;
    },
    frames,
    turnIds: () => [...asks].flatMap(({ turnId }) => turnId ?? []),
    look,
    flush: () => {
      look();
      asks.forEach(sendAgain);
    },
    lost: (reason) => {
      gone = new Map(view().turns.map(({ turn_id }) => [turn_id, reason]));
      for (const ask of asks) if (gone.has(ask.turnId)) ask.reject(reason);
    },
    close: (reason) => asks.forEach((ask) => ask.reject(reason)),
  };
}

/** What was asked about the same before is not sent again, and ends as the later one does. */
function overtake(asks: Set<Ask>, about: string | undefined, later: Promise<unknown>): void {
  if (about === undefined) return;
  for (const earlier of asks) {
    if (earlier.about !== about) continue;
    asks.delete(earlier);
    earlier.follow(later);
  }
}
