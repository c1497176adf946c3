// One worker that wants a token: argv has the broker, the file of the servers, and how often it wants one at a time.
import { openBus, openSealedTokens } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { loadMcpFile } from "../../../src/mcp/mcp-file.ts";
import { createOAuth } from "../../../src/mcp/oauth.ts";
import { createTokenStore } from "../../../src/mcp/token-store.ts";

const [servers = "", file = "", count = "1", lockMs = "3000"] = process.argv.slice(2);
const log = createLogger({ service: "tokens", level: "silent", format: "json" });
const bus = await openBus({ servers, name: "tokens", log });
const key = Buffer.alloc(32, 7);
const store = createTokenStore({ records: await openSealedTokens(bus), key, lockMs: Number(lockMs) });
const [server] = await loadMcpFile(file, { SECRET: "s3cret", REFRESH: "first" });
if (server?.oauth === undefined) throw new Error("The file has no server with oauth.");
const { token, onUnauthorized } = createOAuth({ ...server, oauth: server.oauth }, store);

/** All at once, as many calls; then each says what it got. */
async function want(): Promise<void> {
  const got = await Promise.all(Array.from({ length: Number(count) }, () => token()));
  process.send?.({ tokens: got });
}

process.on("message", (message) => {
  const work =
    message === "refused"
      ? onUnauthorized?.({ response: new Response(), serverUrl: new URL(file, "file:"), fetchFn: fetch })
      : undefined;
  Promise.resolve(work)
    .then(want)
    .catch((error: unknown) => process.send?.({ error: String(error) }));
});
process.send?.({ ready: true });
