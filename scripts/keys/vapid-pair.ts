import { createECDH } from "node:crypto";

/** A new pair, as lines for the environment: the public one for edges, the private one for tool workers. */
export function vapidSettings(): string {
  const pair = createECDH("prime256v1");
  const publicKey = pair.generateKeys("base64url");
  // Its beginning may be zeros, which Node leaves out.
  const privateKey = Buffer.concat([Buffer.alloc(32), pair.getPrivateKey()])
    .subarray(-32)
    .toString("base64url");
  return `VAPID_PUBLIC_KEY=${publicKey}\nVAPID_PRIVATE_KEY=${privateKey}`;
}
