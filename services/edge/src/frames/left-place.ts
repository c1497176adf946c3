import { noCursor } from "../cursor.ts";
import type { HubViewer } from "../hub/hub.ts";
import type { Connection } from "../socket/connection.ts";

/** Remembers how far a client is that leaves a conversation; of at most so many conversations. */
export function rememberPlace(connection: Connection, { source, cursor }: HubViewer, atMost: number): void {
  if (cursor === noCursor) return;
  connection.left ??= new Map();
  connection.left.set(source.conversation, source.offset + cursor);
  for (const oldest of connection.left.keys()) {
    if (connection.left.size <= atMost) break;
    connection.left.delete(oldest);
  }
}

/** Where a new viewer begins that is to see everything after this stream sequence: never before what the client had already. */
export function beginAt(connection: Connection, viewer: HubViewer, seq: number): void {
  const { conversation, offset, feed } = viewer.source;
  const had = (connection.left?.get(conversation) ?? 0) - offset;
  const goesOn = had > seq && had <= feed.intake.last;
  viewer.cursor = goesOn ? had : seq;
  viewer.begins = !goesOn;
}
