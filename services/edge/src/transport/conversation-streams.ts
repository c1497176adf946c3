import type { Dialect } from "@parley/dialects";
import { ChatError, chatErrorOf, closeCodes, type ConversationId, type SnapshotFrame } from "@parley/protocol";
import type { Viewing } from "../commands/viewing.ts";
import type { HubConnection } from "../hub/hub.ts";
import { endOnlySink } from "./answer-viewer.ts";
import { openEventStream, type EventStreamDeps } from "./event-stream.ts";
import type { Call } from "./route.ts";

export interface ConversationStreamDeps extends EventStreamDeps {
  readonly viewing: Pick<Viewing, "follow" | "followExactly">;
}

export type ConversationStreams = ReturnType<typeof createConversationStreams>;

/** Where a reader of a conversation begins: behind a cursor up to which it has everything, or with a snapshot of all of it. */
export interface ConversationPlace {
  readonly conversation: ConversationId;
  readonly after: number | undefined;
}

export interface ConversationStreamHow {
  readonly dialectOf: (ends: { readonly onEnd: () => void }) => Dialect;
  /** Headers of the answer beside those of every stream of events. */
  readonly headers: Readonly<Record<string, string>>;
  /** It ends after so long, at a place from which its client goes on. */
  readonly lastsMs: number;
}

/** What was seen first: an event, or all there is; undefined: nothing came in time. */
export type FirstSeen = "event" | SnapshotFrame | undefined;

/** Conversations, not turns, for protocols that are not ours. Whoever asks has been let in. */
export function createConversationStreams(deps: ConversationStreamDeps) {
  const { viewers, viewing, outbox } = deps;
  const follow = (connection: HubConnection, { conversation, after }: ConversationPlace): Promise<void> =>
    after === undefined
      ? viewing.follow(connection, conversation, undefined)
      : viewing.followExactly(connection, conversation, after);
  return {
    /** Streams the conversation until `lastsMs` are over, or its client goes away. */
    stream(
      call: Call,
      { conversation, after }: ConversationPlace,
      { dialectOf, headers, lastsMs }: ConversationStreamHow,
    ): Promise<undefined> {
      return openEventStream(deps, call, {
        dialectOf,
        headers,
        begin: async (connection) => {
          const timer = setTimeout(() => outbox.close(connection, closeCodes.goingAway, ""), lastsMs);
          timer.unref();
          call.exchange.onGone(() => clearTimeout(timer));
          await follow(connection, { conversation, after });
        },
      });
    },

    /** Waits for the first thing that there is to be seen, at most `withinMs`. Throws what says that there is no such conversation any more. */
    async first(call: Call, { conversation, after }: ConversationPlace, withinMs: number): Promise<FirstSeen> {
      const { caller, exchange } = call;
      const { dialect, seen, giveUp } = createGlance();
      const timer = setTimeout(() => giveUp(undefined), withinMs);
      const connection = viewers.open({
        caller,
        whence: exchange.whence,
        dialect,
        sink: endOnlySink(giveUp),
        onDeadline: () => giveUp(undefined),
        transport: "request",
      });
      exchange.onGone(() => {
        giveUp(undefined);
        viewers.close(connection, "client");
      });
      try {
        await follow(connection, { conversation, after });
        return await seen;
      } finally {
        clearTimeout(timer);
        viewers.close(connection, "answered");
      }
    },
  };
}

/** A viewer that is told one thing. */
function createGlance() {
  let resolve: (seen: FirstSeen) => void = () => {};
  let reject: (error: ChatError) => void = () => {};
  const seen = new Promise<FirstSeen>((onSeen, onError) => {
    resolve = onSeen;
    reject = onError;
  });
  // It may fail before anybody waits for it.
  seen.catch(() => {});
  const dialect: Dialect = {
    name: "glance",
    decode: () => {
      throw new ChatError("UNSUPPORTED");
    },
    encodeEvent() {
      resolve("event");
      return [];
    },
    encodeFrame(frame) {
      if (frame.type === "snapshot") resolve(frame);
      // Nothing was ever said here.
      if (frame.type === "subscribed" && frame.mode === "live" && frame.seq === 0) resolve(undefined);
      if (frame.type === "error") reject(chatErrorOf(frame));
      return [];
    },
  };
  const giveUp = (error: ChatError | undefined): void => (error === undefined ? resolve(undefined) : reject(error));
  return { dialect, seen, giveUp };
}
