import { ChatError } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { DataKeys, KeyState } from "./data-keys.ts";
import type { FoundMessage } from "./direct-get.ts";
import { isKnownSeal, isSealed, isSealedWith, openData, type DataKey } from "./seal-format.ts";
import { createSealPlaces, type SealPlace } from "./seal-places.ts";
import type { StoredMessage } from "./stored-message.ts";

/** It is there, and cannot be read at present: nobody may take it for empty. */
export class SealedError extends ChatError {
  constructor(cause: unknown) {
    super("OVERLOADED", {
      message: "What is stored here is encrypted, and cannot be opened at the moment. Try again shortly.",
      retryAfterMs: 5_000,
      cause,
    });
    this.name = "SealedError";
  }
}

/** In the place of what can never be read: no JSON, and no seal. */
export const unreadableBytes = Buffer.from("?");

/** Why something was not opened. `erased`: its key is gone. `broken`: tampered with, moved, or of a newer version. `unavailable`: not by this process, now. */
export type NotOpened = "erased" | "broken" | "unavailable";

/** Opens what is read. None of it copies what is plain. */
export interface Opening {
  /** What is plain never waits here: it need not be given to `inOrder`. */
  readonly passesPlain: boolean;
  /** A message that was looked up. What is of an erased key, or broken, has nothing that can be read; throws SealedError. */
  found(message: FoundMessage | null): Promise<FoundMessage | null>;
  /**
   * Gives the bytes on, at once where the key is there, else behind all that came before for the same key. `data` may be borrowed. What was tampered with comes as something that nobody
   * can read; what is of an erased key, or cannot be opened now, does not come: `notOpened` is called, with the bytes as they are, borrowed as well.
   */
  inOrder(
    message: { readonly subject: string; readonly data: Uint8Array },
    take: (data: Uint8Array) => void,
    notOpened?: (why: NotOpened, data: Uint8Array) => void,
  ): void;
  /** Messages of one conversation, without those of an erased key. Throws SealedError. */
  all(messages: StoredMessage[]): Promise<StoredMessage[]>;
}

/** Of a process without keys: it must not take for empty, or for garbage, what others have sealed. `onSealed`: it has met such a thing. */
export function createKeylessOpening(onSealed: () => unknown, log: Logger): Opening {
  const refused = (): SealedError => {
    onSealed();
    return new SealedError(new Error("this process has no keys"));
  };
  const placeOf = createSealPlaces();
  /** Plain bytes of files and documents may begin as sealed ones do. */
  const isRefused = (subject: string, data: Uint8Array): boolean => isSealed(data) && placeOf(subject)?.isRaw === false;
  return {
    passesPlain: true,
    async found(message) {
      if (message !== null && isRefused(message.subject, message.data)) throw refused();
      return message;
    },
    inOrder({ subject, data }, take, notOpened) {
      if (!isSealed(data)) return take(data);
      onSealed();
      log.error({ subject }, "what is stored there is encrypted, and this process has no keys");
      notOpened?.("unavailable", data);
    },
    async all(messages) {
      if (messages.some(({ data }) => isSealed(data))) throw refused();
      return messages;
    },
  };
}

export interface OpeningDeps {
  readonly keys: DataKeys;
  readonly placeOf: (subject: string) => SealPlace | undefined;
  readonly log: Logger;
}

export type OpeningCounts = Record<NotOpened, number>;

/** Bytes that wait for keys in this process. */
const mostWaiting = 16 * 2 ** 20;
/** So many are opened before others get a turn of the event loop: about 2 ms. */
const inOneGo = 256;

/** `other`: it was sealed with another key than this one. */
type Tried = Uint8Array | "other" | "broken";

/** With a key that is there. */
function tryOpen(data: Uint8Array, { place }: SealPlace, key: DataKey): Tried {
  if (!isKnownSeal(data)) return "broken";
  if (!isSealedWith(data, key)) return "other";
  return openData(key, place, data) ?? "broken";
}

type Opened = { readonly data: Uint8Array } | { readonly failure: NotOpened; readonly error?: unknown };

/** One message, by what became of the question for its key. */
function openedWith(state: KeyState, data: Uint8Array, place: SealPlace): Opened {
  if (state.kind === "unavailable") return { failure: "unavailable", error: state.error };
  const tried = state.kind === "key" ? tryOpen(data, place, state.key) : "other";
  if (tried === "broken") return { failure: "broken" };
  if (tried !== "other") return { data: tried };
  return place.isRaw ? { data } : { failure: "erased" };
}

function createOpenOne({ keys }: OpeningDeps, counts: OpeningCounts, note: (subject: string) => void) {
  /** Undefined: its key is to be asked for. */
  const now = (data: Uint8Array, place: SealPlace): Opened | undefined => {
    const key = keys.ready(place.scope);
    if (key === undefined) return undefined;
    const tried = tryOpen(data, place, key);
    if (tried === "broken") return { failure: "broken" };
    if (tried !== "other") return { data: tried };
    // The conversation may have been deleted and begun anew elsewhere.
    return keys.isYoung(place.scope) ? openedWith({ kind: "none" }, data, place) : undefined;
  };
  /** `data` is the caller's own. */
  const later = async (data: Uint8Array, place: SealPlace): Promise<Opened> => {
    const first = openedWith(await keys.state(place.scope), data, place);
    if (!("failure" in first) || first.failure !== "erased" || keys.isYoung(place.scope)) return first;
    return openedWith(await keys.state(place.scope, { isFresh: true }), data, place);
  };
  const counted = (subject: string, opened: Opened): Opened => {
    if (!("failure" in opened)) return opened;
    counts[opened.failure]++;
    if (opened.failure === "broken") note(subject);
    return opened;
  };
  return { now, later, counted };
}

type OpenOne = ReturnType<typeof createOpenOne>;

/** See `inOrder` of `Opening`. */
function createInOrder({ keys, placeOf }: OpeningDeps, now: OpenOne["now"], counted: OpenOne["counted"]) {
  let waiting = 0;
  const inOrder: Opening["inOrder"] = ({ subject, data }, take, notOpened) => {
    const place = placeOf(subject);
    const sealed = isSealed(data);
    // What is plain overtakes nothing either.
    if (place === undefined || (!sealed && !keys.isAwaited(place.scope))) return take(data);
    const give = (opened: Opened, of: Uint8Array): void => {
      counted(subject, opened);
      if (!("failure" in opened)) take(opened.data);
      else if (opened.failure === "broken") take(unreadableBytes);
      else notOpened?.(opened.failure, of);
    };
    const opened = sealed ? now(data, place) : undefined;
    if (opened !== undefined) return give(opened, data);
    if (waiting + data.length > mostWaiting) return give({ failure: "unavailable" }, data);
    waiting += data.length;
    const own = data.slice();
    keys.whenReady(place.scope, { isFresh: true }, (state) => {
      waiting -= own.length;
      give(sealed ? openedWith(state, own, place) : { data: own }, own);
    });
  };
  return inOrder;
}

/** See `Opening`. */
export function createOpening(deps: OpeningDeps): Opening & { readonly counts: OpeningCounts } {
  const { placeOf, log } = deps;
  const counts: OpeningCounts = { erased: 0, broken: 0, unavailable: 0 };
  const note = (subject: string): void =>
    log.error(
      { subject },
      "what is stored there cannot be opened: it was changed, moved, or sealed by a newer version",
    );
  const { now, later, counted } = createOpenOne(deps, counts, note);

  const open = async (subject: string, data: Uint8Array): Promise<Opened | undefined> => {
    const place = isSealed(data) ? placeOf(subject) : undefined;
    if (place === undefined) return undefined;
    return counted(subject, now(data, place) ?? (await later(data.slice(), place)));
  };

  return {
    passesPlain: false,
    counts,

    async found(message) {
      if (message === null || !isSealed(message.data)) return message;
      const { subject, seq, time } = message;
      const opened = await open(subject, message.data);
      if (opened === undefined) return message;
      if (!("failure" in opened)) return { subject, seq, time, data: opened.data };
      if (opened.failure === "unavailable") throw new SealedError(opened.error);
      const rest = { subject, seq, time, data: unreadableBytes };
      return opened.failure === "erased" ? { ...rest, isErased: true } : rest;
    },

    inOrder: createInOrder(deps, now, counted),

    async all(messages) {
      const opened: StoredMessage[] = [];
      for (const [i, message] of messages.entries()) {
        if (i > 0 && i % inOneGo === 0) await new Promise(setImmediate);
        const one = await open(message.subject, message.data);
        if (one === undefined) opened.push(message);
        else if (!("failure" in one)) opened.push({ ...message, data: one.data });
        else if (one.failure === "unavailable") throw new SealedError(one.error);
        else if (one.failure === "broken") opened.push({ ...message, data: unreadableBytes });
      }
      return opened;
    },
  };
}
