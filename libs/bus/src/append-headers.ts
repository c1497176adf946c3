import { headers, type MsgHdrs } from "@nats-io/transport-node";

/** The header of a compare-and-set append. The broker keeps it with the message: what it expected was so when it was stored. */
export const expectedSequence = "Nats-Expected-Last-Subject-Sequence";

const headerFrame = "NATS/1.0\r\n\r\n".length;
const headerField = ": \r\n".length;

/** The headers of one append. */
export interface Head {
  /** For the client, right before it publishes: the next append may be given the same set. */
  readonly headers: () => MsgHdrs;
  readonly bytes: number;
}

/**
 * The one header of nearly every append, as bytes: the client checks and spells each name and value, and that costs as much as the rest of a publish.
 * It asks a set of headers for its bytes while it publishes, so one set serves all.
 */
function createExpectation(): (expect: number) => Head {
  let sent: Uint8Array = new Uint8Array();
  const plain = headers();
  // Without the header an append would be stored whoever wrote before it.
  if (!("encode" in plain)) throw new Error("this version of the NATS client takes headers in another way");
  const set = Object.assign(plain, { encode: () => sent });
  return (expect) => {
    const block = Buffer.from(`NATS/1.0\r\n${expectedSequence}: ${expect}\r\n\r\n`, "latin1");
    const next = (): MsgHdrs => {
      sent = block;
      return set;
    };
    return { headers: next, bytes: block.length };
  };
}

export function createAppendHeaders() {
  const expectation = createExpectation();

  return ({ expect, msgId }: { readonly expect?: number; readonly msgId?: string }): Head | undefined => {
    if (msgId === undefined) return expect === undefined ? undefined : expectation(expect);
    const head = headers();
    let bytes = headerFrame;
    const set = (name: string, value: string): void => {
      head.set(name, value);
      bytes += name.length + value.length + headerField;
    };
    if (expect !== undefined) set(expectedSequence, String(expect));
    set("Nats-Msg-Id", msgId);
    return { headers: () => head, bytes };
  };
}
