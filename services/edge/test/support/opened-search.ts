import { createDecipheriv } from "node:crypto";
import { jetstreamManager } from "@nats-io/jetstream";
import type { Bus, Encryption } from "@parley/bus";
import { WrappedKey, parseStored, streams } from "@parley/protocol";
import { searchStreams } from "./store-search.ts";

/** By key id, all data keys that somebody who has the broker and the master keys can unwrap. */
async function secretsIn({ nc }: Pick<Bus, "nc">, { masters }: Encryption): Promise<ReadonlyMap<string, Buffer>> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const secrets = new Map<string, Buffer>();
  const { state } = await jsm.streams.info(streams.keys);
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await jsm.streams.getMessage(streams.keys, { seq });
    const key = WrappedKey.safeParse(parseStored(message?.data ?? new Uint8Array())).data;
    const hash = message?.subject.split(".").at(-1) ?? "";
    const secret = key && (await masters.unwrap(key, { tenant: key.tenant, hash }));
    if (key !== undefined && secret !== undefined) secrets.set(key.kid, secret);
  }
  return secrets;
}

/** See `seal-format.ts`: mark (2), key id (8), nonce (12), ciphertext, tag (16). Whether it stands where it belongs is nothing to who searches. */
function opened(data: Uint8Array, secrets: ReadonlyMap<string, Buffer>): Uint8Array {
  const secret = data[0] === 0xe1 ? secrets.get(Buffer.from(data.subarray(2, 10)).toString("base64url")) : undefined;
  if (secret === undefined) return data;
  const decipher = createDecipheriv("aes-256-gcm", secret, data.subarray(10, 22));
  return decipher.update(data.subarray(22, -16));
}

/** `searchStreams` of somebody who has all keys that are left. */
export async function searchOpened(
  bus: Pick<Bus, "nc">,
  encryption: Encryption,
  words: readonly string[],
): Promise<string[]> {
  const secrets = await secretsIn(bus, encryption);
  return searchStreams(bus, words, (data) => opened(data, secrets));
}
