import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { pendingApprovals } from "@parley/protocol";
import { eventually, freePort, startSystem, tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { createBrowser, type Browser } from "../../services/edge/test/support/browser.ts";
import { accountClient, startAccountProvider } from "../accounts/account-provider.ts";
import { startTicketsServer, ticketOffers } from "../accounts/tickets-server.ts";
import { devToken, person } from "./person.ts";

/** A system with a server of tickets at which each user has an account of their own. */
async function startAccountSystem() {
  const [folder, tickets, port] = [await tempDir(), await startTicketsServer(), await freePort()];
  const origin = `http://127.0.0.1:${port}`;
  const provider = await startAccountProvider({ origins: [origin], resource: tickets.url });
  tickets.trust.find = provider.find;
  const file = path.join(folder.path, "mcp.yaml");
  const server = { url: tickets.url, private_addresses: true, oauth: provider.oauth, offers: ticketOffers };
  await writeFile(file, JSON.stringify({ servers: { tickets: { ...server, read_tools: ["whoami"] } } }));
  const key = randomBytes(32).toString("base64");
  const env = { MCP_FILE: file, MCP_TOKEN_KEY: key, TICKETS_SECRET: accountClient.secret, PUBLIC_URL: origin };
  const system = await startSystem({
    toolWorkers: 0,
    env: {
      edge: { ...env, PORT: String(port), LOG_LEVEL: "debug" },
      "tool-worker": { ...env, LOG_LEVEL: "debug", KUBECONFIG: "", KUBE_OPERATOR_CONTEXT: "" },
      "agent-worker": { OPENAI_MODEL: "parley-simulated-fast" },
    },
  });
  const workers = [await system.add("tool-worker"), await system.add("tool-worker")];
  const edge = system.edges[0]!;
  return {
    ...{ system, workers, provider, tickets, origin },
    /** Begins in a browser, up to what the authorization server sends it back to. */
    async begin(user: string, browser: Browser): Promise<string> {
      const headers = { authorization: `Bearer ${await devToken(edge, user)}` };
      const begun = await browser.request(`${origin}/api/v1/connections/tickets`, { method: "POST", headers });
      const page = await browser.open(String(JSON.parse(begun.text).url), (url) => url.startsWith(origin));
      return page.location ?? (await provider.fillIn(browser, page, `${user}-at-tickets`));
    },
    async [Symbol.asyncDispose]() {
      await system[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
      await tickets[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const whoami = "/sim tool=tickets_whoami args={}";
const answered = { type: "complete", tool_calls: [{ tool_name: "tickets_whoami", status: "completed" }] };

it(
  "a turn waits until its person has connected an account and goes on, for nobody else, and after everything was started anew",
  { timeout: 120_000 },
  async () => {
    await using world = await startAccountSystem();
    const { system, workers, provider, tickets, origin } = world;
    using anna = await person(system.edges[0]!);
    const chat = anna.conversation();
    const question = await chat.send(whoami);
    await eventually(() => pendingApprovals(chat.view).length === 1, { what: "the question", timeoutMs: 20_000 });
    const [asked] = pendingApprovals(chat.view);
    expect(asked?.call.approval?.summary).toBe(
      `Connect your account at tickets first, at ${origin}/?connect=tickets, then agree.`,
    );

    // The edge is killed between the code and the tokens: nothing is connected, and the person begins again.
    const browser = createBrowser();
    const callback = await world.begin("anna", browser);
    let isAsked = false;
    provider.held.before = (at) => (at === "/token" ? new Promise(() => void (isAsked = true)) : undefined);
    const lost = browser.request(callback).catch(() => "lost");
    await eventually(() => isAsked, { what: "the code at the authorization server" });
    await system.edges[0]!.kill("SIGKILL");
    provider.held.before = () => undefined;
    expect(await lost).toBe("lost");
    const said = [system.edges[0]!.output()];
    await system.edges[0]!.restart();
    expect((await browser.request(callback)).text).toContain("Begin again");
    expect((await browser.request(await world.begin("anna", browser))).text).toContain("is connected");

    await eventually(() => anna.state.name === "ready", { what: "the client's coming back" });
    await chat.approve(asked!.call.call_id, true);
    const end = await chat.untilEnd(question.turn_id);
    expect(end).toMatchObject(answered);
    expect(end.tool_calls[0]?.result).toContain("You are anna-at-tickets.");

    using bert = await person(system.edges[0]!, "bert");
    const other = bert.conversation();
    await other.send(whoami);
    await eventually(() => pendingApprovals(other.view).length === 1, { what: "bert's question", timeoutMs: 20_000 });

    const processes = [...system.edges, ...workers, ...system.agentWorkers];
    said.push(...processes.map((process) => process.output()));
    for (const process of processes) await process.restart();
    await eventually(() => anna.state.name === "ready", { what: "the client's coming back" });
    const again = await chat.send(whoami);
    expect((await chat.untilEnd(again.turn_id)).tool_calls[0]?.result).toContain("You are anna-at-tickets.");

    said.push(...processes.map((process) => process.output()));
    const tokens = new Set(tickets.shown.filter(Boolean));
    expect(tokens.size).toBeGreaterThan(0);
    expect([...tokens, accountClient.secret].filter((secret) => said.join().includes(secret))).toEqual([]);
    expect(said.join()).not.toMatch(/code=[\w-]{20}/);
  },
);
