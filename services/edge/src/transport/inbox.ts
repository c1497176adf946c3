import { closeCodes, type ChatError } from "@parley/protocol";
import type { Outbox } from "../delivery/outbox.ts";
import type { HubConnection } from "../hub/hub.ts";

/** The text of a frame, or why it has none: the answer keeps its place among the others. */
export type Received = string | ChatError;

export interface InboxDeps {
  readonly handle: (connection: HubConnection, received: Received) => Promise<void>;
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
  const work = async (connection: HubConnection, first: Received): Promise<void> => {
    const inbox: Received[] = [];
    connection.inbox = inbox;
    for (let received: Received | undefined = first; received !== undefined; received = inbox.shift()) {
      connection.inboxBytes -= sizeOf(received);
      if (connection.state === "closed") return;
      await handle(connection, received);
      if (connection.invalidFrames >= maxInvalidFrames) {
        outbox.close(connection, closeCodes.protocolAbuse, "too many invalid frames");
      }
    }
    connection.inbox = undefined;
  };

  return {
    /** Never throws. */
    receive(connection: HubConnection, received: Received): void {
      const { inbox } = connection;
      connection.inboxBytes += sizeOf(received);
      if ((inbox?.length ?? 0) >= maxFrames || connection.inboxBytes > maxBytes) {
        outbox.close(connection, closeCodes.protocolAbuse, "too many frames at once");
      } else if (inbox === undefined) void work(connection, received);
      else inbox.push(received);
    },
  };
}

function sizeOf(received: Received): number {
  return typeof received === "string" ? received.length : 0;
}
