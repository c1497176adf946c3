import { mkdir, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import path from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { tempDir } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readWebApp } from "../src/transport/web-app.ts";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";

const script = `/* ${"a script ".repeat(200)} */`;

let world: World;
let edge: EdgeUnderTest;
let production: EdgeUnderTest;
let bare: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  await using folder = await tempDir();
  await writeFile(path.join(folder.path, "secret.js"), "outside");
  const built = path.join(folder.path, "dist");
  const files = {
    "index.html": "<!doctype html><title>Parley</title>",
    "icon.svg": "<svg/>",
    "licenses.txt": "MIT",
    "notes.md": "private",
    "assets/page-AbC_12-x.js": script,
    "assets/page-AbC_12-x.js.br": brotliCompressSync(script),
    "assets/page-AbC_12-x.js.gz": gzipSync(script),
    "embed/parley-chat.js": "export {};",
    "embed/demo.html": "<!doctype html><title>Demo</title>",
  };
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(built, name)), { recursive: true });
    await writeFile(path.join(built, name), content);
  }
  await symlink(path.join(folder.path, "secret.js"), path.join(built, "assets", "link.js"));
  edge = await world.addEdge({ pages: await readWebApp(built, { hasDemo: true }) });
  production = await world.addEdge({ pages: await readWebApp(built) });
  bare = await world.addEdge({ pages: await readWebApp(path.join(folder.path, "nothing")) });
});
afterAll(() => world[Symbol.asyncDispose]());

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

/** As it comes: `fetch` would ask for compressed texts itself, tidy the path, and hide what came. */
function ask(at: string, headers: Record<string, string> = {}, method = "GET", of = edge): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port: of.port, path: at, headers, method }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    asked.on("error", reject);
    asked.end();
  });
}

const asset = "/assets/page-AbC_12-x.js";

describe("the chat page", () => {
  it.each([
    "/",
    "/c/2f1f9d3e-0f6b-4a55-9b1e-5d3c2b1a0f9e",
    "/c/x?from=mail",
    "/join/c-1.kJx_9",
    "/approvals",
    "/operator",
  ])("is at %s", async (at) => {
    const { status, headers, body } = await ask(at);
    expect([status, body.toString()]).toEqual([200, "<!doctype html><title>Parley</title>"]);
    expect(headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-cache",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "content-security-policy":
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; media-src blob:; " +
        "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    });
  });

  it("is not sent again to whoever has it", async () => {
    const { headers } = await ask("/");
    const again = await ask("/", { "if-none-match": `"other", W/${String(headers["etag"])}` });
    expect([again.status, again.body.length, again.headers["content-length"]]).toEqual([304, 0, undefined]);
    expect(again.headers["etag"]).toBe(headers["etag"]);
    expect((await ask("/", { "if-none-match": '"other"' })).status).toBe(200);
  });

  it("keeps what is named by its content for a year", async () => {
    const { status, headers } = await ask(asset);
    expect([status, headers["cache-control"]]).toEqual([200, "public, max-age=31536000, immutable"]);
    expect((await ask("/icon.svg")).headers).toMatchObject({
      "content-type": "image/svg+xml",
      "cache-control": "no-cache",
    });
  });

  it.each([
    ["gzip, deflate, br, zstd", "br"],
    ["gzip", "gzip"],
    ["GZIP;q=0.5, br;q=0", "gzip"],
    ["*", "br"],
    ["br;q=0, gzip;q=0.0", undefined],
    ["identity", undefined],
    ["", undefined],
  ])("comes as a browser takes it that accepts '%s'", async (accepted, expected) => {
    const { headers, body } = await ask(asset, { "accept-encoding": accepted });
    expect([headers["content-encoding"], headers["vary"]]).toEqual([expected, "accept-encoding"]);
    const bytes = { br: brotliCompressSync(script), gzip: gzipSync(script), identity: Buffer.from(script) };
    expect(body.equals(bytes[expected === "br" || expected === "gzip" ? expected : "identity"])).toBe(true);
  });

  it("names each encoding differently", async () => {
    const plain = await ask(asset);
    const small = await ask(asset, { "accept-encoding": "br" });
    expect(plain.headers["etag"]).not.toBe(small.headers["etag"]);
  });

  it("says to HEAD how long it is", async () => {
    const { status, headers, body } = await ask(asset, { "accept-encoding": "gzip" }, "HEAD");
    expect([status, headers["content-length"], body.length]).toEqual([200, String(gzipSync(script).length), 0]);
  });

  it("comes with the licences of what it is made of", async () => {
    const { status, headers, body } = await ask("/licenses.txt");
    expect([status, headers["content-type"], body.toString()]).toEqual([200, "text/plain; charset=utf-8", "MIT"]);
  });

  it.each([
    "/assets/none.js",
    "/assets/",
    "/assets/link.js",
    "/assets/page-AbC_12-x.js.br",
    "/assets/../index.html",
    "/assets/..%2findex.html",
    "/assets/../../secret.js",
    "/index.html",
    "/notes.md",
    "/c",
    "/c/a/b",
    "/embed",
  ])("has nothing at %s", async (at) => {
    const { status, headers } = await ask(at);
    expect([status, headers["content-type"]]).toEqual([404, "application/json; charset=utf-8"]);
  });

  const browser = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };

  it.each(["/nowhere", "/c/", "/c/a/b", "/conversations/x?y"])("has words for a person who comes to %s", async (at) => {
    const { headers: known } = await ask("/");
    const { status, headers, body } = await ask(at, { ...browser, "if-none-match": String(known["etag"]) });
    expect([status, body.toString()]).toEqual([404, "<!doctype html><title>Parley</title>"]);
    expect(headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": known["content-security-policy"],
      "cache-control": "no-store",
      vary: "accept, accept-encoding",
    });
    expect(headers["etag"]).toBeUndefined();
    const head = await ask(at, browser, "HEAD");
    expect([head.status, head.headers["content-length"]]).toEqual([404, String(body.length)]);
  });

  it.each([
    ["GET", "/assets/none.js"],
    ["GET", "/api/v1/none"],
    ["GET", "/auth/none"],
    ["GET", "/ws/none"],
    ["GET", "/embed/none"],
    ["POST", "/nowhere"],
  ])("has no words for persons where %s %s is for programs", async (method, at) => {
    const { status, headers } = await ask(at, browser, method);
    expect([status, headers["content-type"]]).toEqual([404, "application/json; charset=utf-8"]);
  });

  it("lets pages of other sites load the chat that stands in them, and nothing else", async () => {
    expect((await ask("/embed/parley-chat.js", { origin: "https://shop.example" })).headers).toMatchObject({
      "access-control-allow-origin": "*",
      "cross-origin-resource-policy": "cross-origin",
      "cache-control": "no-cache",
    });
    for (const at of ["/", asset, "/embed/demo"]) {
      const { headers } = await ask(at);
      expect(headers["access-control-allow-origin"]).toBeUndefined();
      expect(headers["cross-origin-resource-policy"]).toBe("same-origin");
    }
  });

  it("has the demo of the embedded chat in development only", async () => {
    expect((await ask("/embed/demo")).status).toBe(200);
    expect((await ask("/embed/demo", {}, "GET", production)).status).toBe(404);
    expect((await ask("/embed/parley-chat.js", {}, "GET", production)).status).toBe(200);
  });

  it("says how it is built where it is not", async () => {
    const { status, headers, body } = await ask("/", {}, "GET", bare);
    expect([status, headers["content-type"]]).toEqual([503, "text/html; charset=utf-8"]);
    expect(body.toString()).toMatch(/The chat page is not built here: run .*npm run build.*\/ws\/test/);
    expect((await ask(asset, {}, "GET", bare)).status).toBe(404);
    const { headers: unknown } = await ask("/nowhere", browser, "GET", bare);
    expect(unknown["content-type"]).toBe("application/json; charset=utf-8");
  });
});

describe("a folder that a person names", () => {
  it("must have the page", async () => {
    await using folder = await tempDir();
    await expect(readWebApp(folder.path, { isNeeded: true })).rejects.toThrow(/There is no index.html in .*WEB_DIR/);
  });

  it("must not be anything large", async () => {
    await using folder = await tempDir();
    await Promise.all(Array.from({ length: 1_001 }, (_, n) => writeFile(path.join(folder.path, `${n}.js`), "")));
    await expect(readWebApp(folder.path)).rejects.toThrow(/not the built chat page/);
  });
});
