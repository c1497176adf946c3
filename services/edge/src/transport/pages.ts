import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { Reply } from "./reply.ts";

/** What the answer to a request for a file depends on. */
export interface Asked {
  readonly acceptEncoding: string;
  readonly ifNoneMatch: string;
}

/** What is answered without looking who asks. The keys are paths, as the router takes them. */
export type Pages = ReadonlyMap<string, (asked: Asked) => Reply>;

/** The key of the page for browsers that ask for what is not there. */
export const unknownPath = "/*";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

/** Nothing but our own files runs or is loaded; the page talks to its own server only. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const testPage = "/ws/test";

/** The part of the protocol that has no schemas: what pages import under the name that it has everywhere. */
const fold = "@parley/protocol/fold";

/**
 * Reads the test page once, with the fold of the protocol that they import. The keys are the paths under which they are served: `test.html` is
 * `/ws/test`. `foldModule`: where its build is; Node's own resolution finds it.
 */
export async function readPages(folder: string, foldModule: string = import.meta.resolve(fold)): Promise<Pages> {
  const entries = await readdir(folder, { withFileTypes: true });
  const pages = await readModules(new URL(foldModule));
  for (const { name } of entries.filter((entry) => entry.isFile())) {
    const type = types[path.extname(name)];
    if (type === undefined) continue;
    const text = await readFile(path.join(folder, name));
    const body = path.extname(name) === ".js" ? withPath(text) : text;
    const reply = pageReply(type, body);
    pages.set(name === "test.html" ? testPage : `${testPage}/${name}`, reply);
  }
  return new Map([...pages].map(([at, reply]) => [at, () => reply]));
}

/** Browsers know no names of packages, and a map of them would have to stand in the page, where no script may stand. */
function withPath(module: Buffer): Buffer {
  return Buffer.from(module.toString("utf8").replaceAll(`"${fold}"`, '"./protocol/fold.js"'));
}

/** A module and all that it imports, which are files beside it. Throws when it is no build, or imports a package. */
async function readModules(entry: URL): Promise<Map<string, Reply>> {
  const modules = new Map<string, Reply>();
  const names = [path.basename(entry.pathname)];
  for (const name of names) {
    if (path.extname(name) !== ".js") throw new Error(`pages cannot import ${name}: build the protocol first`);
    const text = await readFile(new URL(name, entry), "utf8");
    modules.set(`${testPage}/protocol/${name}`, pageReply(types[".js"] ?? "", Buffer.from(text)));
    for (const [, imported = ""] of text.matchAll(/^(?:import|export)\b[^;]*?\bfrom "(.+?)";/gm)) {
      if (!imported.startsWith("./")) throw new Error(`${name} imports ${imported}, which pages cannot have`);
      if (!names.includes(imported.slice(2))) names.push(imported.slice(2));
    }
  }
  return modules;
}

function pageReply(type: string, body: Buffer): Reply {
  const headers = {
    "content-type": type,
    "content-security-policy": contentSecurityPolicy,
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
  };
  return { status: 200, headers, body };
}
