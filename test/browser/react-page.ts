import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startSystem, type Service } from "@parley/testkit";
import type { Browser, Page } from "playwright-core";
import { build } from "vite";
import { launchChromium } from "./chromium.ts";

const folder = fileURLToPath(new URL("../../libs/react/test/pages/", import.meta.url));

/** As strict as the edge is with its own page. */
const policy = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; form-action 'self'";

export interface ReactPage {
  readonly url: string;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

interface PageOptions {
  /** File in `libs/react/test/pages`. */
  readonly file: string;
  /** The edge that its sockets lead to: they ask for the page's own host, as behind a proxy. */
  readonly edge: Service;
  readonly token?: string;
}

interface ReactSystem {
  readonly edge: Service;
  readonly jwtSecret: string;
  readonly browser: Browser;
}

async function start(): Promise<ReactSystem> {
  const env = { "model-simulator": { SIM_TOKENS_PER_SECOND: "150" } };
  const [{ edges, jwtSecret }, browser] = await Promise.all([startSystem({ env }), launchChromium()]);
  const [edge] = edges;
  if (edge === undefined) throw new Error("The system has no edge.");
  return { edge, jwtSecret, browser };
}

/** One for all files of a process: its parts end with the process. Who kills the edge starts it again. */
let shared: Promise<ReactSystem> | undefined;

export function reactSystem(): Promise<ReactSystem> {
  shared ??= start();
  return shared;
}

/** A page of somebody who uses the library: made by Vite as they would make it, and served beside Parley under one address. */
export async function servePage({ file, edge, token = "" }: PageOptions): Promise<ReactPage> {
  const script = await bundled(file);
  const server = createServer((request, response) => answer({ request, response, script, token }));
  server.on("upgrade", (request, socket, head) => {
    const upstream = connect(edge.port, "127.0.0.1");
    const headers = request.rawHeaders.flatMap((name, at, all) => (at % 2 === 0 ? [`${name}: ${all[at + 1]}`] : []));
    upstream.write(`GET ${request.url} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`);
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
    upstream.on("error", () => socket.destroy());
    socket.on("error", () => upstream.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The page has no port.");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Starts the edge (again), and tells the page what a browser says when a network is there again: it does not wait for the time of its next try. */
export async function comeBack(edge: Service, page: Page): Promise<void> {
  await edge.restart();
  await page.evaluate("dispatchEvent(new Event('online'))");
}

async function bundled(file: string): Promise<string> {
  const made = await build({
    root: folder,
    configFile: false,
    logLevel: "warn",
    resolve: { conditions: ["source", "browser", "module", "production"] },
    oxc: { jsx: { runtime: "automatic", development: false } },
    build: { write: false, target: "es2022", modulePreload: false, rolldownOptions: { input: `${folder}${file}` } },
  });
  const [output] = [made].flat();
  const chunks = output !== undefined && "output" in output ? output.output : [];
  const code = chunks.flatMap((chunk) => (chunk.type === "chunk" ? [chunk.code] : []));
  if (code.length !== 1) throw new Error(`${file} became ${code.length} scripts.`);
  return code.join("");
}

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly script: string;
  readonly token: string;
}

function answer({ request, response, script, token }: Asked): void {
  const page =
    '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';
  const files: Readonly<Record<string, readonly [type: string, body: string]>> = {
    "/": ["text/html", page],
    "/page.js": ["text/javascript", script],
    "/token": ["text/plain", token],
  };
  const [type, body] = files[request.url ?? ""] ?? ["text/plain", ""];
  response.writeHead(200, { "content-type": type, "content-security-policy": `${policy}; img-src data:` }).end(body);
}
