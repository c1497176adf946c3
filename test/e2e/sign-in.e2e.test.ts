import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { freePort, startSystem, tempDir, type Service, type System, type TempDir } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { z } from "zod";
import { makeKey, withEntry } from "../../scripts/keys/new-key.ts";
import { createBrowser, type Browser } from "../../services/edge/test/support/browser.ts";
import { startOwnProvider, type OwnProvider } from "../../services/edge/test/support/own-provider.ts";
import { devToken } from "./person.ts";

let folder: TempDir;
let provider: OwnProvider;
let system: System;
let edge: Service;
let origin: string;
let tracesFile: string;
const made = makeKey({ name: "ci", user: "svc-ci", scopes: ["conversation:*"] }, new Date());

beforeAll(async () => {
  [folder, provider] = [await tempDir(), await startOwnProvider()];
  const [issuers, keys] = [path.join(folder.path, "issuers.yaml"), path.join(folder.path, "api-keys.yaml")];
  tracesFile = path.join(folder.path, "traces.jsonl");
  await writeFile(keys, withEntry(keys, "keys: []\n", made.entry));
  await writeFile(
    issuers,
    `issuers:
  - name: corp
    issuer: ${provider.issuer}
    audience: parley
    algorithms: [RS256]
    jwks: ${provider.issuer}/jwks
`,
  );
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const oidc = { OIDC_ISSUER: provider.issuer, OIDC_CLIENT_ID: "parley", OIDC_CLIENT_SECRET: "canary-of-the-client" };
  const env = {
    ...{
      ISSUERS_FILE: issuers,
      AUTH_PRIMARY_ISSUERS: "shared-secret",
      API_KEYS_FILE: keys,
      PUBLIC_URL: origin,
      ...oidc,
    },
    ...{ PORT: String(port), LOG_LEVEL: "debug", TRACES_FILE: tracesFile, TRACES_SAMPLE_RATIO: "1" },
  };
  system = await startSystem({ toolWorkers: 0, env: { edge: env } });
  edge = system.edges[0]!;
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const Frame = z.looseObject({ type: z.string() });

/** Asks something on a socket, and waits for the answer's end. Returns who it is, and how it ended. */
function answered(url: string, options: { protocols?: string[]; headers?: Record<string, string>; auth?: string }) {
  const { protocols = ["parley.v1"], headers = {}, auth } = options;
  const socket = new WebSocket(url, protocols, { headers });
  return new Promise<string>((resolve, reject) => {
    let who = "";
    socket.once("error", reject);
    socket.once("close", (code) => reject(new Error(`closed with ${code}`)));
    if (auth !== undefined) socket.once("open", () => socket.send(JSON.stringify({ type: "auth", token: auth })));
    socket.on("message", (data: Buffer) => {
      const frame = Frame.parse(JSON.parse(data.toString("utf8")));
      if (frame.type === "auth_success") {
        who = z.object({ user: z.object({ id: z.string() }) }).parse(frame).user.id;
        socket.send(JSON.stringify({ type: "message", id: "m1", message: "hello\n/sim tokens=2" }));
      }
      if (!["complete", "error", "auth_error"].includes(frame.type)) return;
      socket.removeAllListeners("close");
      socket.close();
      resolve(`${who}: ${frame.type}`);
    });
  });
}

async function ticketOf(headers: Record<string, string>): Promise<string> {
  const response = await fetch(`${origin}/api/v1/auth/ticket`, { method: "POST", headers });
  return z.object({ ticket: z.string() }).parse(await response.json()).ticket;
}

const cookieOf = ({ cookies }: Browser): string => [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");

it("each way leads to an answer, and nothing that lets somebody in is in a log, a trace, a metric or an error", async () => {
  const url = `ws://127.0.0.1:${edge.port}/ws/chat`;
  const token = await devToken(edge, "ann");
  const { key } = made;
  const browser = createBrowser();
  const page = await browser.open(`${origin}/auth/login`, (to) => to.startsWith(origin));
  const pending = cookieOf(browser);
  await browser.request(page.location ?? "");
  const signedIn = { cookie: cookieOf(browser), origin };
  const bearer = (one: string) => ({ authorization: `Bearer ${one}` });
  const tickets = [await ticketOf(bearer(token)), await ticketOf(bearer(key)), await ticketOf(signedIn)];

  const ways = [
    answered(url, { auth: token }),
    answered(`${url}?token=${token}`, {}),
    answered(url, { headers: bearer(token) }),
    answered(url, { protocols: ["parley.v1", `bearer.${token}`] }),
    answered(`${url}?ticket=${tickets[0]}`, {}),
    answered(url, { auth: key }),
    answered(url, { headers: bearer(key) }),
    answered(`${url}?ticket=${tickets[1]}`, {}),
    answered(url, { headers: signedIn }),
    answered(`${url}?ticket=${tickets[2]}`, {}),
  ];
  const [ann, ci, corp] = ["ann: complete", "svc-ci: complete", "~corp~ann: complete"];
  expect(await Promise.all(ways)).toEqual([ann, ann, ann, ann, ann, ci, ci, ci, corp, corp]);

  const answers = await Promise.all([...wrongWays(key), ...wrongWays(token), ...wrongWays(tickets[0] ?? "")]);
  const metrics = await (await fetch(`http://127.0.0.1:${edge.adminPort}/metrics`)).text();
  expect(metrics).toContain('parley_edge_api_key_last_used_timestamp_seconds{key="ci",service="edge"}');
  await expect.poll(() => existsSync(tracesFile)).toBe(true);
  await edge.stop();
  const output = edge.output();
  expect(output).toContain("a token was refused");
  const written = [output, await readFile(tracesFile, "utf8"), metrics, ...answers].join("\n");
  const code = new URL(page.location ?? "").searchParams.get("code") ?? "";
  const secrets = [token, ...token.split("."), key, key.slice(7), ...tickets, code, "canary-of-the-client"];
  const cookies = [pending, signedIn.cookie].map((cookie) => cookie.slice(cookie.indexOf("=") + 1));
  expect([...secrets, ...cookies].filter((secret) => secret.length < 8 || written.includes(secret))).toEqual([]);
  await edge.restart();
});

/** Where it does not belong, or not quite as it ought to be; what is answered. */
function wrongWays(secret: string): Promise<string>[] {
  const url = `ws://127.0.0.1:${edge.port}/ws/chat`;
  const wrong = `${secret.slice(0, -1)}~`;
  const text = async (address: string, init: RequestInit = {}) => {
    const response = await fetch(origin + address, { redirect: "manual", ...init });
    return `${[...response.headers].join("\n")}\n${await response.text()}`;
  };
  const ended = (address: string, headers: Record<string, string> = {}) =>
    answered(address, { headers }).catch((error: unknown) => String(error));
  return [
    ended(`${url}?ticket=${secret}`),
    ended(`${url}?token=${wrong}`),
    ended(`${url}?token=${secret}&ticket=${secret}`),
    ended(url, { authorization: `Bearer ${wrong}` }),
    ended(url, { authorization: `Basic ${secret}`, cookie: `parley_session=${secret}`, origin }),
    text("/api/v1/auth/me", { headers: { authorization: `Bearer ${wrong}` } }),
    text("/api/v1/auth/me", { headers: { authorization: `Basic ${secret}` } }),
    text("/api/v1/auth/me", { headers: { cookie: `parley_session=${secret}` } }),
    text(`/api/v1/auth/ticket?token=${secret}`, { method: "POST" }),
    text(`/auth/callback?code=${secret}&state=${secret}`, { headers: { cookie: `parley_sign_in=${secret}` } }),
    text(`/auth/login?return_to=//${secret}`),
    text(`/auth/${secret}?token=${secret}`.replace(secret, "nowhere")),
  ];
}

it("a sign-in that was made at one edge is good after the edge was started again", async () => {
  const browser = createBrowser();
  await browser.open(`${origin}/auth/login?return_to=/health`);
  await edge.stop();
  await edge.restart();
  const me = await fetch(`${origin}/api/v1/auth/me`, { headers: { cookie: cookieOf(browser) } });
  expect(await me.json()).toMatchObject({ user: { id: "~corp~ann" }, by: "session" });
});
