import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { Reply } from "./reply.ts";

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

/** Reads the static pages once. The keys are the paths under which they are served: `test.html` is `/ws/test`. */
export async function readPages(folder: string): Promise<ReadonlyMap<string, Reply>> {
  const entries = await readdir(folder, { withFileTypes: true });
  const pages = new Map<string, Reply>();
  for (const { name } of entries.filter((entry) => entry.isFile())) {
    const type = types[path.extname(name)];
    if (type === undefined) continue;
    const reply = pageReply(type, await readFile(path.join(folder, name)));
    pages.set(name === "test.html" ? testPage : `${testPage}/${name}`, reply);
  }
  return pages;
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
