import { closeCodes, type ChatError } from "@parley/protocol";
import type { Connection, InboxItem } from "./connection.ts";
import type { Outbox } from "./outbox.ts";

/** The text of a frame, or why it has none: the answer keeps its place among the others. */
export type Received = string | ChatError;

/** Lets the frames behind this one pass while it waits for something that is none of theirs; resolves when it is this one's turn again. */
export type Aside = (wait: Promise<void>) => Promise<void>;

export interface InboxDeps {
  /** Never rejects. */
  readonly handle: (connection: Connection, received: Received, aside: Aside) => Promise<void>;
  readonly outbox: Outbox;
}

/**
 * A client that sends more than this ahead of the answers does not wait for any. After a reconnect a client of ours sends the messages of four
 * conversations again, eight of each, and each may be as long as a message can be.
 */
const maxFrames = 64;
const maxBytes = 1280 * 1024;
const maxInvalidFrames = 20;

/** Handles the frames of each connection in their order, one at a time. */
export function createInbox({ handle, outbox }: InboxDeps) {
  /** Resolves when the next one may come. */
  const begin = (connection: Connection, received: Received): Promise<void> =>
    new Promise((resolve) => {
      let endTurn: () => void = resolve;
      const aside: Aside = async (wait) => {
        endTurn();
        await wait;
        endTurn = await new Promise<() => void>((goOn) => add(connection, goOn));
      };
      void handle(connection, received, aside).then(() => endTurn());
    });

  const work = async (connection: Connection, first: InboxItem): Promise<void> => {
    const inbox: InboxItem[] = [];
    connection.inbox = inbox;
    for (let item: InboxItem | undefined = first; item !== undefined; item = inbox.shift()) {
      connection.inboxBytes -= sizeOf(item);
      // What has begun is brought to its end, whoever is gone.
      if (typeof item === "function") await new Promise<void>(item);
      else if (connection.state !== "closed") await begin(connection, item);
      if (connection.invalidFrames >= maxInvalidFrames) {
        outbox.close(connection, closeCodes.protocolAbuse, "too many invalid frames");
      }
    }
    connection.inbox = undefined;
  };

  const add = (connection: Connection, item: InboxItem): void => {
    if (connection.inbox === undefined) void work(connection, item);
    else connection.inbox.push(item);
  };

  return {
    /** Never throws. */
    receive(connection: Connection, received: Received): void {
      const { inbox } = connection;
      connection.inboxBytes += sizeOf(received);
      if ((inbox?.length ?? 0) >= maxFrames || connection.inboxBytes > maxBytes) {
        outbox.close(connection, closeCodes.protocolAbuse, "too many frames at once");
      } else add(connection, received);
    },
  };
}

function sizeOf(item: InboxItem): number {
  return typeof item === "string" ? item.length : 0;
}
