import { eventually } from "@parley/testkit";
import { connectRaw, type RawPeer } from "./raw-peer.ts";

/** That of RFC 6455, section 1.3, whose answer is printed there. */
const sampleKey = "dGhlIHNhbXBsZSBub25jZQ==";
export const sampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

export interface HandshakeParts {
  readonly first?: string;
  /** Headers instead of the usual ones; `null` leaves one out. */
  readonly headers?: Readonly<Record<string, string | null>>;
}

/** A request for an upgrade, also one against the rules. */
export function handshake({ first = "GET /ws/chat HTTP/1.1", headers = {} }: HandshakeParts = {}): string {
  const usual: Record<string, string | null> = {
    Host: "edge",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": sampleKey,
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Protocol": "parley.v1",
  };
  const lines = Object.entries({ ...usual, ...headers }).flatMap(([name, value]) =>
    value === null ? [] : [`${name}: ${value}`],
  );
  return [first, ...lines, "", ""].join("\r\n");
}

/** A native connection that is open. */
export async function openRaw(port: number, parts: HandshakeParts = {}): Promise<RawPeer> {
  const peer = await connectRaw(port);
  peer.write(handshake(parts));
  await eventually(() => peer.head().startsWith("HTTP/1.1 101"), { what: "the handshake" });
  return peer;
}
