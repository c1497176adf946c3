import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { StartError } from "@parley/runtime";
import { unknownPath, type Asked, type Pages } from "./pages.ts";
import type { Reply } from "./reply.ts";

/** A file of the chat page as it is kept in memory: as it is, and as the build has compressed it. */
interface WebFile {
  readonly headers: Readonly<Record<string, string>>;
  readonly etag: string;
  readonly identity: Buffer;
  readonly encoded: ReadonlyMap<Encoding, Buffer>;
}

/** The one that is preferred first. */
const encodings = ["br", "gzip"] as const;
type Encoding = (typeof encodings)[number];
const endings: Readonly<Record<Encoding, string>> = { br: ".br", gzip: ".gz" };

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};

/** All is kept in memory for ever: a folder named by mistake must not be. The page has less than a tenth of it. */
const maxFiles = 1_000;
const maxBytes = 64 * 1024 * 1024;

/** Nothing but our own files runs or is loaded; the page talks to its own server only. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data: blob:",
  // Sound of messages, which the page fetches as whoever is signed in.
  "media-src blob:",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const pageHeaders = {
  "content-security-policy": contentSecurityPolicy,
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
};

/** Has no page around it whose policy would hold for it. */
const serviceWorker = "notices.js";

/** Where the page finds itself: it shows what the address says. */
const pagePaths = ["/", "/c/:id", "/join/:invite", "/approvals", "/operator"];

const notBuilt: Reply = {
  status: 503,
  headers: { "content-type": "text/html; charset=utf-8", "cache-control": "no-store", ...pageHeaders },
  body:
    '<!doctype html><html lang="en"><title>Parley</title><p>The chat page is not built here: run ' +
    ' <code>npm run build</code> and start the edge again. The <a href="/ws/test">test page</a> is there.</p></html>\n',
};

/**
 * `isNeeded`: a folder without the page is an error; otherwise a sentence takes its place. `hasDemo`: with the page that shows how the chat stands in another one,
 * signed in as whoever comes.
 *
 * Reads the built chat page once: what is served is what was there at the start, and no path of a request ever names a file. Throws StartError when it is too
 * large.
 */
export async function readWebApp(folder: string, { isNeeded = false, hasDemo = false } = {}): Promise<Pages> {
  const files = await readFiles(folder);
  const index = files.get("index.html");
  if (index === undefined && isNeeded) {
    throw new StartError(`There is no index.html in ${folder}, where WEB_DIR says that the chat page is.`);
  }
  const app = new Map(pagePaths.map((page) => [page, index === undefined ? () => notBuilt : answering(index)]));
  if (index === undefined) return app;
  app.set(unknownPath, unknown(index));
  for (const [name, file] of files) {
    if (name !== "index.html" && (hasDemo || !name.startsWith("embed/demo."))) app.set(pathOf(name), answering(file));
  }
  return app;
}

/** Pages have no ending in their address. */
function pathOf(name: string): string {
  return `/${name.replace(/\.html$/, "")}`;
}

/** By their names below the folder. Links are not followed, whatever they lead to. */
async function readFiles(folder: string): Promise<Map<string, WebFile>> {
  const names = await namesBelow(folder);
  const files = new Map<string, WebFile>();
  for (const name of names) {
    const type = types[path.extname(name)];
    // What the router would take for a pattern is no file of the build.
    if (type === undefined || !/^[\w./-]+$/.test(name)) continue;
    const encoded = new Map<Encoding, Buffer>();
    for (const encoding of encodings) {
      const other = `${name}${endings[encoding]}`;
      if (names.has(other)) encoded.set(encoding, await readFile(path.join(folder, other)));
    }
    const identity = await readFile(path.join(folder, name));
    const etag = createHash("sha256").update(identity).digest("base64url").slice(0, 27);
    files.set(name, { headers: headersOf(name, type), etag, identity, encoded });
  }
  return files;
}

async function namesBelow(folder: string): Promise<Set<string>> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw new StartError(`The chat page in ${folder} cannot be read: ${String(error)}`);
  });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  if (files.length > maxFiles) throw tooLarge(folder);
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  if (sizes.reduce((sum, size) => sum + size, 0) > maxBytes) throw tooLarge(folder);
  return new Set(files.map((file) => path.relative(folder, file).split(path.sep).join("/")));
}

function tooLarge(folder: string): StartError {
  return new StartError(
    `${folder} has more than ${maxFiles} files or ${maxBytes / 1024 / 1024} MB: it is not the built chat page, which is kept in memory whole.`,
  );
}

function headersOf(name: string, type: string): Record<string, string> {
  // The name of what the build has hashed changes with its content.
  const isHashed = /(^|\/)assets\//.test(name);
  return {
    "content-type": type,
    "cache-control": isHashed ? "public, max-age=31536000, immutable" : "no-cache",
    vary: "accept-encoding",
    ...(name.endsWith(".html") ? pageHeaders : {}),
    // It loads nothing but the icon: what it shows came with the message.
    ...(name === serviceWorker ? { "content-security-policy": "default-src 'none'; img-src 'self'" } : {}),
    // What can be put into pages of other sites; the rest is for our own.
    ...(name.startsWith("embed/") && !name.endsWith(".html")
      ? { "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin" }
      : { "cross-origin-resource-policy": "same-origin" }),
  };
}

function answering({ headers, etag, identity, encoded }: WebFile): (asked: Asked) => Reply {
  return ({ acceptEncoding, ifNoneMatch }) => {
    const encoding = encodings.find((one) => encoded.has(one) && accepts(acceptEncoding, one));
    const body = encoding === undefined ? identity : (encoded.get(encoding) ?? identity);
    const ofBody = encoding === undefined ? `"${etag}"` : `"${etag}-${encoding}"`;
    const all = { ...headers, etag: ofBody, ...(encoding === undefined ? {} : { "content-encoding": encoding }) };
    if (matches(ifNoneMatch, ofBody)) return { status: 304, headers: all, body: "" };
    return { status: 200, headers: all, body };
  };
}

/** The page itself, which has words for it. Nobody keeps it: tomorrow something may be there. */
function unknown(index: WebFile): (asked: Asked) => Reply {
  const answer = answering(index);
  return (asked) => {
    const { headers: { etag: _, ...headers } = {}, ...reply } = answer({ ...asked, ifNoneMatch: "" });
    return {
      ...reply,
      status: 404,
      headers: { ...headers, "cache-control": "no-store", vary: "accept, accept-encoding" },
    };
  };
}

/** Whether `accept-encoding` lets it be sent: named or by `*`, and not with `q=0`. */
function accepts(acceptEncoding: string, encoding: string): boolean {
  const offers = acceptEncoding
    .toLowerCase()
    .split(",")
    .map((offer) => offer.split(";").map((part) => part.trim()));
  const offer = offers.find(([name]) => name === encoding) ?? offers.find(([name]) => name === "*");
  return offer !== undefined && !offer.some((part) => /^q=0(\.0*)?$/.test(part));
}

/** By the weak comparison, as RFC 9110 says: a proxy on the way may have made it weak. */
function matches(ifNoneMatch: string, etag: string): boolean {
  const known = ifNoneMatch.split(",").map((one) => one.trim().replace(/^W\//, ""));
  return known.includes(etag) || known.includes("*");
}
