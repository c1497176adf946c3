import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startSystem, tempDir, type System, type TempDir } from "@parley/testkit";
import { exampleOf, installPacked } from "./packed-client.ts";

let system: System;
let folder: TempDir;

beforeAll(async () => {
  folder = await tempDir();
  await installPacked(folder.path);
  system = await startSystem();
}, 120_000);
afterAll(async () => {
  await Promise.all([system?.[Symbol.asyncDispose](), folder?.[Symbol.asyncDispose]()]);
});

/** Node.js 22 and later have a WebSocket; 20 has the same one behind this flag. */
const withWebSocket = "WebSocket" in globalThis ? [] : ["--experimental-websocket"];

async function chat(script: string, input: string, flags = withWebSocket) {
  await writeFile(path.join(folder.path, "chat.mjs"), script);
  const PARLEY = `http://127.0.0.1:${system.edges[0]?.port}`;
  const child = spawn(process.execPath, [...flags, "chat.mjs"], { cwd: folder.path, env: { ...process.env, PARLEY } });
  child.stdin.end(input);
  const [said, states, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { said, states, code };
}

test("the chat of the client's page runs as it stands there, from a folder that has only the packed library", async () => {
  const script = await exampleOf("js");
  expect(script.trim().split("\n").length).toBeLessThanOrEqual(24);
  const { said, states, code } = await chat(script, "Guten Tag\nand good night\n");
  const ends = [/You said: "Guten Tag"$/, /You said: "and good night"$/, /^$/].map((end) => expect.stringMatching(end));
  expect(said.split("\n")).toEqual(ends);
  expect(states).toMatch(/\(connecting\)\n\(authenticating\)\n\(ready\)\n\(closed\)/);
  expect(code).toBe(0);
});

test("where Node.js has no WebSocket the client says what to do", async () => {
  const hidden = `Reflect.deleteProperty(globalThis, "WebSocket");\n`;
  const { states, code } = await chat(
    `const { createClient } = await import("@parley/client");\n${hidden}createClient({ url: "ws://x" });`,
    "",
  );
  expect(states).toContain("There is no WebSocket here: pass the option WebSocket, such as that of the package ws.");
  expect(code).toBe(1);
});

test(
  "a program in TypeScript compiles with its types, with those of browsers as well",
  { timeout: 60_000 },
  async () => {
    const program = `import { createClient, messages, type MessageView, type OutgoingView } from "@parley/client";
import { createIndexedDbStore } from "@parley/client/indexed-db";
const client = createClient({ url: "ws://x", WebSocket, store: createIndexedDbStore("x", { indexedDB }) });
export const shown: readonly MessageView[] = messages(client.conversation("c").view);
export const underWay: readonly OutgoingView[] = client.conversation("c").outgoing();
`;
    await writeFile(path.join(folder.path, "program.ts"), program);
    const tsc = fileURLToPath(new URL("../../node_modules/.bin/tsc", import.meta.url));
    const flags = [
      "--noEmit",
      "--strict",
      "--target",
      "es2023",
      "--lib",
      "es2023,dom",
      "--module",
      "nodenext",
      "--types",
      "",
    ];
    const child = spawn(tsc, [...flags, "program.ts"], { cwd: folder.path });
    expect(await text(child.stdout)).toBe("");
  },
);

test("a client runs without zod, which only the strict one wants", async () => {
  await rm(path.join(folder.path, "node_modules/zod"), { recursive: true });
  const imports = `await import("@parley/client"); await import("@parley/client/indexed-db"); console.log("here");`;
  const { said, states } = await chat(`${imports} await import("@parley/client/strict");`, "");
  expect(said).toBe("here\n");
  expect(states).toMatch(/Cannot find package 'zod'/);
});
