import { headers, type MsgHdrs } from "@nats-io/transport-node";

/** The header of a compare-and-set append. The broker keeps it with the message: what it expected was so when it was stored. */
export const expectedSequence = "Nats-Expected-Last-Subject-Sequence";

const headerFrame = "NATS/1.0\r\n\r\n".length;
const headerField = ": \r\n".length;

/** The headers of one append. */
export interface Head {
  readonly headers: MsgHdrs;
  readonly bytes: number;
}

/** Undefined: it needs none. `expect`: sequence of the last message on its subject. `msgId`: for de-duplication. */
export function headersOf({ expect, msgId }: { readonly expect?: number; readonly msgId?: string }): Head | undefined {
  if (expect === undefined && msgId === undefined) return undefined;
  const head = headers();
  let bytes = headerFrame;
  const set = (name: string, value: string): void => {
    head.set(name, value);
    bytes += name.length + value.length + headerField;
  };
  if (expect !== undefined) set(expectedSequence, String(expect));
  if (msgId !== undefined) set("Nats-Msg-Id", msgId);
  return { headers: head, bytes };
}
