// One worker that wants tokens: argv has the broker; each message names a file of servers, and whether the token before was refused.
import { openBus, openSealedTokens } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { z } from "zod";
import { loadMcpFile } from "../../../src/mcp/mcp-file.ts";
import { createOAuth } from "../../../src/mcp/oauth.ts";
import { createTokenStore } from "../../../src/mcp/token-store.ts";

const Wanted = z.object({ file: z.string(), isRefused: z.boolean() });

const [servers = ""] = process.argv.slice(2);
const log = createLogger({ service: "tokens", level: "silent", format: "json" });
const bus = await openBus({ servers, name: "tokens", log });
const store = createTokenStore({ records: await openSealedTokens(bus), key: Buffer.alloc(32, 7), lockMs: 2_000 });
const known = new Map<string, ReturnType<typeof createOAuth>>();

async function authOf(file: string): Promise<ReturnType<typeof createOAuth>> {
  const [server] = await loadMcpFile(file, { SECRET: "s3cret", REFRESH: "first" });
  if (server?.oauth === undefined) throw new Error("The file has no server with oauth.");
  return createOAuth({ ...server, oauth: server.oauth }, store);
}

/** Ten calls at once, of which each wants one. */
async function tokensFor(message: unknown): Promise<(string | undefined)[]> {
  const { file, isRefused } = Wanted.parse(message);
  const auth = known.get(file) ?? (await authOf(file));
  known.set(file, auth);
  const context = { response: new Response(), serverUrl: new URL("https://s.example"), fetchFn: fetch };
  if (isRefused) await auth.onUnauthorized?.(context);
  return Promise.all(Array.from({ length: 10 }, () => auth.token()));
}

process.on("message", (message) => {
  tokensFor(message).then(
    (tokens) => process.send?.({ tokens }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.send?.({ ready: true });
