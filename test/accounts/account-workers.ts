import { writeFile } from "node:fs/promises";
import path from "node:path";
import { connectionTokens, openBus, openSealedTokens } from "@parley/bus";
import { tempDir } from "@parley/testkit";
import { log } from "../../services/edge/test/support/edge-fixture.ts";
import { loadMcpFile } from "../../services/tool-worker/src/mcp/mcp-file.ts";
import { openMcpTools } from "../../services/tool-worker/src/mcp/mcp-tools.ts";
import { createTokenStore } from "../../services/tool-worker/src/mcp/token-store.ts";
import { startAgent } from "../../services/tool-worker/test/support/agent.ts";
import { startRunner, type RunnerOptions } from "../../services/tool-worker/test/support/in-process.ts";
import { accountClient } from "./account-provider.ts";
import { accountKey, type AccountsWorld } from "./accounts-world.ts";
import { ticketOffers } from "./tickets-server.ts";

const publicUrl = "https://chat.example.org";

/** The file of the servers, as an operator writes it. */
function fileOf({ tickets, provider }: Pick<AccountsWorld, "tickets" | "provider">, more: object = {}): string {
  const server = { url: tickets.url, private_addresses: true, oauth: provider.oauth, offers: ticketOffers };
  return JSON.stringify({ servers: { tickets: { ...server, read_tools: ["whoami"], ...more } } });
}

/** An agent, and workers in this process that share nothing but the broker. */
export async function startAccountWorkers(world: AccountsWorld, more: object = {}) {
  const agent = await startAgent(world.world.nats, world.redis.server);
  const closing: (() => Promise<void>)[] = [];
  await using folder = await tempDir();
  const file = path.join(folder.path, "mcp.yaml");
  await writeFile(file, fileOf(world, more));
  const servers = await loadMcpFile(file, { TICKETS_SECRET: accountClient.secret });
  return {
    agent,
    servers,
    async addWorker(options: RunnerOptions = {}) {
      const bus = await openBus({ servers: world.world.nats.url, name: "worker", log });
      const records = await openSealedTokens(bus, { place: connectionTokens });
      const store = createTokenStore({ records, key: accountKey, lockMs: 3_000 });
      const mcp = openMcpTools({ servers, personal: { store, publicUrl }, onChange: () => {}, log });
      const runner = await startRunner(agent, mcp.tools(), options);
      closing.push(mcp.close, bus.close);
      return { ...runner, tools: mcp.tools() };
    },
    job(user: string, id: string, tool: "whoami" | "close", args: Record<string, string> = {}) {
      return { ...agent.job(id, `tickets_${tool}`, args), user: { id: user } };
    },
    /** How a call ended; undefined: it has not. */
    async resultOf(id: string): Promise<string | undefined> {
      const [turn = ""] = id.split("-");
      const fact = await agent.bus.facts.read("result", { conversation: "c1", turn, call: id });
      return fact?.kind === "result" ? `${fact.status}: ${fact.result}` : undefined;
    },
    async [Symbol.asyncDispose]() {
      for (const close of closing) await close();
      await agent[Symbol.asyncDispose]();
    },
  };
}

export type AccountWorkers = Awaited<ReturnType<typeof startAccountWorkers>>;
