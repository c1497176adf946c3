import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import path from "node:path";
import { env } from "node:process";
import { fileURLToPath } from "node:url";
import { tempDir } from "@parley/testkit";
import { build } from "vite";

const web = fileURLToPath(new URL("../../services/web/", import.meta.url));

/** As the edge has it, but for the server inside the page, which needs none of its connections. */
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; base-uri 'none'";
const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
};

export interface ChatStage {
  readonly url: (query: string) => string;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** The conversation pane as it is built for people, with a server inside the page (services/web/test/chat/stage). */
export async function startChatStage(): Promise<ChatStage> {
  const dir = await tempDir();
  const outDir = path.join(dir.path, "stage");
  await asForPeople(() =>
    build({
      configFile: path.join(web, "vite.config.ts"),
      root: path.join(web, "test/chat/stage"),
      logLevel: "error",
      build: { outDir, emptyOutDir: true },
    }),
  );
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://stage");
    const file = path.join(outDir, pathname === "/" ? "index.html" : path.normalize(pathname));
    readFile(file).then(
      (bytes) => {
        const type = types[path.extname(file)] ?? "application/octet-stream";
        response.writeHead(200, { "content-type": type, "content-security-policy": policy }).end(bytes);
      },
      () => response.writeHead(404).end(),
    );
  });
  const port = await listen(server);
  return {
    url: (query) => `http://127.0.0.1:${port}/?${query}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** Tests run with another NODE_ENV, by which React would be the one for developers, half as large again. */
async function asForPeople(work: () => Promise<unknown>): Promise<void> {
  const { NODE_ENV: before } = env;
  env.NODE_ENV = "production";
  await work().finally(() => {
    if (before === undefined) delete env.NODE_ENV;
    else env.NODE_ENV = before;
  });
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("The stage has no port."));
      else resolve(address.port);
    });
  });
}
