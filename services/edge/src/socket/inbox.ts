import { closeCodes } from "@parley/protocol";
import type { Connection } from "./connection.ts";
import type { Outbox } from "./outbox.ts";

export interface InboxDeps {
  readonly handle: (connection: Connection, text: string) => Promise<void>;
  readonly outbox: Outbox;
}

/** A client that sends more than this ahead of the answers does not wait for any. */
const maxFrames = 64;
const maxBytes = 512 * 1024;
const maxInvalidFrames = 20;

/** Handles the frames of each connection in their order, one at a time. */
export function createInbox({ handle, outbox }: InboxDeps) {
  const work = async (connection: Connection, first: string): Promise<void> => {
    const inbox: string[] = [];
    connection.inbox = inbox;
    for (let text: string | undefined = first; text !== undefined; text = inbox.shift()) {
      connection.inboxBytes -= text.length;
      if (connection.state === "closed") return;
      await handle(connection, text);
      if (connection.invalidFrames >= maxInvalidFrames) {
        outbox.close(connection, closeCodes.protocolAbuse, "too many invalid frames");
      }
    }
    connection.inbox = undefined;
  };

  return {
    /** Never throws. */
    receive(connection: Connection, text: string): void {
      const { inbox } = connection;
      connection.inboxBytes += text.length;
      if ((inbox?.length ?? 0) >= maxFrames || connection.inboxBytes > maxBytes) {
        outbox.close(connection, closeCodes.protocolAbuse, "too many frames at once");
      } else if (inbox === undefined) void work(connection, text);
      else inbox.push(text);
    },
  };
}
