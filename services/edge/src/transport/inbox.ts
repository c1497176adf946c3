import { closeCodes } from "@parley/protocol";
import type { Aside } from "../commands/message-order.ts";
import type { Credential } from "../credential.ts";
import type { InboxItem, RefusedFrame } from "../delivery/connection.ts";
import type { Outbox } from "../delivery/outbox.ts";
import type { HubConnection } from "../hub/hub.ts";

/** The text of a frame, or why it is not handled: the answer keeps its place among the others; or what the socket was opened with. */
export type Received = string | RefusedFrame | Credential;

export interface InboxDeps {
  /** Never rejects. */
  readonly handle: (connection: HubConnection, received: Received, aside: Aside) => Promise<void>;
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
  const begin = (connection: HubConnection, received: Received): Promise<void> =>
    new Promise((resolve) => {
      let endTurn: () => void = resolve;
      const aside: Aside = async (wait) => {
        endTurn();
        await wait;
        endTurn = await new Promise<() => void>((goOn) => add(connection, goOn));
      };
      void handle(connection, received, aside).then(() => endTurn());
    });

  const work = async (connection: HubConnection, first: InboxItem): Promise<void> => {
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

  const add = (connection: HubConnection, item: InboxItem): void => {
    if (connection.inbox === undefined) void work(connection, item);
    else connection.inbox.push(item);
  };

  return {
    /** Never throws. */
    receive(connection: HubConnection, received: Received): void {
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
