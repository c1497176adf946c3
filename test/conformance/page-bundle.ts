import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { promisify } from "node:util";

const folder = path.join(import.meta.dirname, "pages");

/** Whether the ecosystem's pages can be built: `node scripts/conformance.mjs install`. */
export const hasPages = existsSync(path.join(folder, "node_modules"));

export interface ServedPage {
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

const run = promisify(execFile);
/** Of a page with all its packages; CopilotKit's has 7 MB. */
const maxScriptBytes = 64 * 1024 * 1024;

async function bundle(entry: string, alias: Readonly<Record<string, string>>): Promise<string> {
  const args = [path.join(folder, "bundle.mjs"), JSON.stringify({ entry, alias })];
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], NODE_ENV: "production" };
  const { stdout } = await run(process.execPath, args, { cwd: folder, env, maxBuffer: maxScriptBytes });
  return stdout;
}

/** Builds `pages/<entry>` with the packages of that folder, and serves it from a loopback port of its own, as a page of another origin. */
export async function servePage(entry: string, alias: Readonly<Record<string, string>> = {}): Promise<ServedPage> {
  const script = await bundle(entry, alias);
  const html =
    '<!doctype html><meta charset="utf-8"><title>page</title><div id="root"></div><script type="module" src="/page.js"></script>';
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : html);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port }: Pick<AddressInfo, "port"> = addressOf(server.address());
  return {
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function addressOf(address: string | AddressInfo | null): AddressInfo {
  if (address === null || typeof address === "string") throw new Error("The page has no port.");
  return address;
}
