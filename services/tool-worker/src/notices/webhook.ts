import { createHmac } from "node:crypto";
import type { Notice } from "@parley/protocol";
import { createGuardedFetch } from "../mcp/guarded-fetch.ts";

/**
 * Sends notices to the deployment's own service, signed by the Standard Webhooks specification (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
 */

const answerMs = 10_000;
const answerBytes = 64 * 1024;

export interface WebhookOptions {
  readonly url: string;
  readonly secret: Buffer;
}

/** The key that `whsec_…` stands for; undefined: it is none. The specification wants 24 to 64 bytes. */
export function webhookKeyOf(text: string): Buffer | undefined {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1];
  const key = base64 === undefined ? undefined : Buffer.from(base64, "base64");
  return key !== undefined && key.length >= 24 && key.length <= 64 ? key : undefined;
}

export function signatureOf(secret: Buffer, { id, atS, body }: { id: string; atS: number; body: string }): string {
  return `v1,${createHmac("sha256", secret).update(`${id}.${atS}.${body}`).digest("base64")}`;
}

export type Webhook = ReturnType<typeof createWebhook>;

export function createWebhook({ url, secret }: WebhookOptions) {
  // The operator says where it is, so it may be in our own network. A redirect is followed nowhere: it counts as a failure.
  const { fetch, close } = createGuardedFetch({
    ...{ privateAddresses: true, caFile: undefined },
    ...{ answerMs, messageBytes: answerBytes, messagesPerSecond: 1_000 },
  });
  return {
    /** Throws where it was not taken. The time that is signed is that of the try; the id stays. */
    async send(id: string, notice: Notice, signal: AbortSignal): Promise<void> {
      const body = JSON.stringify(notice);
      const atS = Math.floor(Date.now() / 1_000);
      const headers = {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": String(atS),
        "webhook-signature": signatureOf(secret, { id, atS, body }),
      };
      const within = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
      const response = await fetch(url, { method: "POST", headers, body, signal: within });
      // Nobody reads it, and the connection is to be free again.
      await response.body?.cancel();
      if (!response.ok) throw new Error(`the receiver of notices answered ${response.status}`);
    },
    close,
  };
}
