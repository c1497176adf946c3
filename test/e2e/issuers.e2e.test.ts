import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { createClient, type Client } from "@parley/client";
import { strict } from "@parley/client/strict";
import { startService, startSystem, tempDir, type Service, type System, type TempDir } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import {
  claimsOf,
  createIssuerKey,
  startKeyServer,
  type IssuerKey,
  type KeyServer,
} from "../../services/edge/test/support/issuer-server.ts";
import { devToken } from "./person.ts";

const issuer = "https://login.example.org/";

let folder: TempDir;
let keys: KeyServer;
let key: IssuerKey;
let system: System;
/** Takes tokens of the shared secret and of an issuer. */
let edge: Service;
let tracesFile: string;

function fileOf(jwks: string): string {
  return `
issuers:
  - name: corp
    issuer: ${issuer}
    audience: parley
    algorithms: [RS256]
    jwks: ${jwks}
    tenant: { fixed: acme }
    roles: { claim: groups }
`;
}

beforeAll(async () => {
  [folder, key] = [await tempDir(), await createIssuerKey("RS256", "key-1")];
  [keys, tracesFile] = [await startKeyServer(key), path.join(folder.path, "traces.jsonl")];
  const file = path.join(folder.path, "issuers.yaml");
  await writeFile(file, fileOf(keys.url));
  const env = {
    ISSUERS_FILE: file,
    AUTH_PRIMARY_ISSUERS: "shared-secret",
    LOG_LEVEL: "debug",
    TRACES_FILE: tracesFile,
  };
  system = await startSystem({ toolWorkers: 0, env: { edge: env } });
  edge = system.edges[0]!;
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
  await keys[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function clientWith(token: string): Promise<Client> {
  const url = `ws://127.0.0.1:${edge.port}/ws/chat`;
  const client = createClient({ ...strict, url, token, WebSocket, backoff: { minMs: 50, maxMs: 500 } });
  await client.connect();
  return client;
}

async function answer(client: Client): Promise<string> {
  const chat = client.conversation();
  const { turn_id } = await chat.send("hello\n/sim tokens=3");
  return (await chat.untilEnd(turn_id)).type;
}

it("an issuer's user and one of the shared secret are answered at one edge, each under a name of its own", async () => {
  using ours = await clientWith(await devToken(edge, "ann"));
  using theirs = await clientWith(await key.sign(claimsOf(issuer, { groups: ["writer"] })));
  expect(ours.state).toMatchObject({ name: "ready", user: { id: "ann" } });
  expect(theirs.state).toMatchObject({ name: "ready", user: { id: "~corp~ann" } });
  expect(await Promise.all([answer(ours), answer(theirs)])).toEqual(["complete", "complete"]);
});

/** Every part of it by which it could be found again. */
function partsOf(token: string): string[] {
  return [token, ...token.split(".")].filter((part) => part.length > 8);
}

it("no token is in the log or a trace, in whatever way it came and however bad it is", async () => {
  const canary = "canary-7c1e5f";
  const good = await key.sign(claimsOf(issuer, { jti: canary, groups: ["writer"] }));
  const own = await devToken(edge, "ann");
  const bad = [
    `${good.slice(0, -6)}${canary}`,
    await key.sign(claimsOf(issuer, { jti: canary, aud: canary })),
    await key.sign(claimsOf(issuer, { jti: canary, exp: 1 })),
    await key.sign(claimsOf(issuer, { jti: canary }), { kid: canary }),
    await key.sign(claimsOf(canary, { jti: canary })),
    `${canary}.${canary}.${canary}`,
    `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(`{"iss":"${canary}`).toString("base64url")}.${canary}`,
    `${Buffer.from(canary).toString("base64url")}.${Buffer.from(canary).toString("base64url")}.x`,
    canary,
  ];
  for (const token of [good, own, ...bad]) await bringInEveryWay(token, canary);
  using client = await clientWith(good);
  expect(await answer(client)).toBe("complete");
  await expect.poll(() => existsSync(tracesFile)).toBe(true);
  await edge.stop();
  const output = edge.output();
  expect(output).toContain("a token was accepted");
  expect(output.split("a token was refused").length).toBeGreaterThan(bad.length);
  const written = `${output}\n${await readFile(tracesFile, "utf8")}`;
  const found = [...new Set([canary, ...[good, own, ...bad].flatMap(partsOf)])].filter((part) =>
    written.includes(part),
  );
  expect(found).toEqual([]);
  await edge.restart();
});

/** As a first frame, in the address, as a subprotocol, in the header, and in frames that are not quite right. */
async function bringInEveryWay(token: string, canary: string): Promise<void> {
  const url = `ws://127.0.0.1:${edge.port}/ws/chat`;
  const http = `http://127.0.0.1:${edge.port}/api/v1/conversations`;
  await Promise.all([
    ended(new WebSocket(url, ["parley.v1"]), JSON.stringify({ type: "auth", token })),
    ended(new WebSocket(url, ["parley.v1"]), JSON.stringify({ type: "auth", tokken: token })),
    ended(new WebSocket(url, ["parley.v1"]), `{"type":"auth","token":"${token}`),
    ended(new WebSocket(url), JSON.stringify({ type: "auth", token, knows: canary })),
    ended(new WebSocket(`${url}?token=${token}`, ["parley.v1"])),
    ended(new WebSocket(`ws://127.0.0.1:${edge.port}/api/v1/async/chatbot?token=${token}`)),
    ended(new WebSocket(url, ["parley.v1", `bearer.${token}`])),
    fetch(http, { headers: { authorization: `Bearer ${token}` } }),
    fetch(http, { headers: { authorization: `Basic ${token}` } }),
    fetch(`${http}?token=${token}&cursor=${token}`, { headers: { authorization: `Bearer ${token}` } }),
    fetch(`http://127.0.0.1:${edge.port}/nowhere?token=${token}`),
  ]);
}

/** Says something and hears something, or is closed. */
function ended(socket: WebSocket, frame?: string): Promise<void> {
  return new Promise((resolve) => {
    socket.once("open", () => frame !== undefined && socket.send(frame));
    socket.on("message", (data: Buffer) => {
      if (data.toString().includes('"welcome"')) return;
      socket.close();
      resolve();
    });
    socket.once("close", () => resolve());
    socket.once("error", () => resolve());
  });
}

it("an edge says at its start which line of the file is wrong", async () => {
  const file = path.join(folder.path, "wrong.yaml");
  await writeFile(file, fileOf("http://keys.example.org/"));
  const { PORT: _port, ADMIN_PORT: _adminPort, ...env } = edge.env;
  const starting = startService("edge", { ...env, ISSUERS_FILE: file });
  await expect(starting).rejects.toThrow(/wrong\.yaml:7: issuers\.0\.jwks must be an https address/);
});
