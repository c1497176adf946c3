import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { freePort } from "@parley/testkit";
import { z } from "zod";

interface Verified {
  readonly accountId: string;
  readonly aud?: string | readonly string[];
  readonly isExpired: boolean;
}

const said = (text: string) => ({ content: [{ type: "text" as const, text }] });

/** What is offered of it: as `tools/list` says it. */
export const ticketOffers = [
  { name: "whoami", description: "Whose account it is.", inputSchema: { type: "object", properties: {} } },
  {
    name: "close",
    description: "Closes a ticket.",
    inputSchema: { type: "object", properties: { ticket: { type: "string" } }, required: ["ticket"] },
  },
];

/** A server of tools over HTTP that does nothing for whoever shows no good token for it, and what it does only in the account that the token is of. */
export async function startTicketsServer(port?: number) {
  const at = port ?? (await freePort());
  const url = `http://127.0.0.1:${at}/mcp`;
  const closed: string[] = [];
  const shown: string[] = [];
  const trust = { find: async (_token: string): Promise<Verified | undefined> => undefined };

  function serverOf(account: string): McpServer {
    const server = new McpServer({ name: "tickets", version: "1" });
    server.registerTool("whoami", { inputSchema: z.object({}) }, () => said(`You are ${account}.`));
    server.registerTool("close", { inputSchema: z.object({ ticket: z.string() }) }, ({ ticket }) => {
      closed.push(`${account}: ${ticket}`);
      return said(`Closed ${ticket} as ${account}.`);
    });
    return server;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = request.method === "POST" ? await buffer(request) : undefined;
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    shown.push(token);
    const found = await trust.find(token);
    if (found === undefined || found.isExpired || ![found.aud].flat().includes(url)) {
      response.writeHead(401, { "www-authenticate": 'Bearer error="invalid_token"' }).end();
      return;
    }
    const headers = Object.entries(request.headers).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, String(value)]],
    );
    const asked = new Request(url, { method: request.method ?? "GET", headers, ...(body && { body }) });
    const answer = await createMcpHandler(() => serverOf(found.accountId)).fetch(asked);
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    for await (const chunk of answer.body ?? []) response.write(chunk);
    response.end();
  }

  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()));
  server.listen(at, "127.0.0.1");
  await once(server, "listening");
  return {
    url,
    closed,
    /** All tokens that it was shown. */
    shown,
    trust,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
