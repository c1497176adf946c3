import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { build } from "vite";

const folder = path.join(import.meta.dirname, "pages");

/** Whether the ecosystem's pages can be built: `node scripts/conformance.mjs install`. */
export const hasPages = existsSync(path.join(folder, "node_modules"));

export interface ServedPage {
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Builds `pages/<entry>` with the packages of that folder, and serves it from a loopback port of its own, as a page of another origin. */
export async function servePage(entry: string, alias: Readonly<Record<string, string>> = {}): Promise<ServedPage> {
  const built = await build({
    root: folder,
    configFile: false,
    logLevel: "error",
    resolve: { alias },
    define: { "process.env.NODE_ENV": '"production"' },
    build: {
      write: false,
      minify: false,
      lib: { entry: path.join(folder, entry), formats: ["es"], fileName: "page" },
      rolldownOptions: { output: { codeSplitting: false } },
    },
  });
  const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) => ("output" in one ? one.output : []));
  const script = outputs.find((output) => output.type === "chunk")?.code ?? "";
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
