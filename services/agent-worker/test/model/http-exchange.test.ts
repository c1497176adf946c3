import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { createHttpExchange, type Reply } from "../../src/model/http-exchange.ts";
import { never } from "./fake-provider.ts";

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly authorization: string | undefined;
  readonly body: string;
  /** The client's port: the same one is the same connection. */
  readonly port: number | undefined;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function listen(server: Server): Promise<string> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return `http://127.0.0.1:${address.port}`;
}

/** A server that remembers requests; `location` makes it redirect those for `/old`. */
async function startServer(redirect: { status?: number; location?: string | (() => string) } = {}) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const { method, url, headers, socket } = request;
      seen.push({ method, url, authorization: headers.authorization, body, port: socket.remotePort });
      const { status = 307, location } = redirect;
      if (location !== undefined && url?.startsWith("/old") === true) {
        response.writeHead(status, { location: typeof location === "string" ? location : location() });
      }
      response.end("fine");
    });
  });
  const url = await listen(server);
  return {
    url,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** A proxy for plain requests and for tunnels. */
async function startProxy() {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    request.resume().on("end", () => response.end("from the proxy"));
  });
  server.on("connect", (request, socket) => {
    seen.push(`CONNECT ${request.url}`);
    const target = connect(Number(request.url?.split(":")[1]), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      target.pipe(socket).pipe(target);
    });
    target.on("error", () => socket.destroy());
    socket.on("error", () => target.destroy());
  });
  const url = await listen(server);
  return {
    url,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

const message = { headers: { authorization: "Bearer key", "x-own": "1" }, body: '{"a":1}' };

async function textOf({ body }: Reply): Promise<string> {
  let text = "";
  for await (const part of body) text += String(part);
  return text;
}

const post = (url: string, exchange = createHttpExchange()) => exchange.post(new URL(url), message, never());

describe("redirects", () => {
  test.each([307, 308])("%i repeat the request, with credentials at the same origin", async (status) => {
    await using server = await startServer({ status, location: "/new?x=1" });
    expect(await textOf(await post(`${server.url}/old`))).toBe("fine");
    expect(server.seen[1]).toMatchObject({
      method: "POST",
      url: "/new?x=1",
      authorization: "Bearer key",
      body: '{"a":1}',
    });
  });

  test.each([301, 302, 303])("%i ask with GET, as browsers do", async (status) => {
    await using server = await startServer({ status, location: "/new" });
    await textOf(await post(`${server.url}/old`));
    expect(server.seen[1]).toMatchObject({ method: "GET", url: "/new", body: "" });
  });

  test("to another origin never have the credentials", async () => {
    await using other = await startServer();
    await using server = await startServer({ location: `${other.url}/new` });
    await textOf(await post(`${server.url}/old`));
    expect(other.seen).toMatchObject([{ method: "POST", authorization: undefined, body: '{"a":1}' }]);
  });

  test("that never end are given up", async () => {
    await using server = await startServer({ location: "/old" });
    await expect(post(`${server.url}/old`)).rejects.toThrow("too many redirects");
    expect(server.seen).toHaveLength(6);
  });

  test.each(["ftp://x/", "http://", "javascript:1"])("to %s are refused", async (location) => {
    await using server = await startServer({ location });
    await expect(post(`${server.url}/old`)).rejects.toThrow("a redirect to nowhere");
  });

  test("without an address, or with another status, are the answer", async () => {
    await using server = await startServer({ status: 304, location: "/new" });
    expect((await post(`${server.url}/old`)).status).toBe(304);
  });
});

describe("connections", () => {
  test("are used again", async () => {
    await using server = await startServer();
    const exchange = createHttpExchange();
    for (let i = 0; i < 3; i++) await textOf(await post(server.url, exchange));
    expect(new Set(server.seen.map(({ port }) => port)).size).toBe(1);
  });

  test("are used again when the answer was over before its body was", async () => {
    await using server = await startServer();
    const exchange = createHttpExchange();
    const reply = await post(server.url, exchange);
    reply.release();
    await once(reply.body, "end");
    await textOf(await post(server.url, exchange));
    expect(new Set(server.seen.map(({ port }) => port)).size).toBe(1);
  });

  test("that the other side has dropped meanwhile cost no request: it is made once more on a new one", async () => {
    const answered = new WeakSet<object>();
    let requests = 0;
    // A balancer that forgets idle connections resets them at the next byte.
    const server = createServer((_request, response) => {
      requests++;
      answered.add(response.req.socket);
      response.end("fine");
    });
    server.on("connection", (socket) => {
      socket.on("data", () => void (answered.has(socket) && socket.resetAndDestroy()));
    });
    const url = await listen(server);
    const exchange = createHttpExchange();
    for (let i = 0; i < 3; i++) expect(await textOf(await post(url, exchange))).toBe("fine");
    expect(requests).toBe(3);
    server.closeAllConnections();
    server.close();
  });

  test("are closed when the body does not end soon after the answer was over", async () => {
    const server = createServer((_request, response) => void response.writeHead(200).write("x"));
    const url = await listen(server);
    const reply = await post(url);
    reply.release();
    await once(reply.body, "close");
    server.close();
  });
});

test("an abort hurts nobody when the body is not read yet, encoded or not", async () => {
  await using server = await startServer();
  for (const encoding of ["identity", "gzip"]) {
    const open = createServer((_request, response) => {
      response.writeHead(200, { "content-encoding": encoding }).write("x");
    });
    const url = await listen(open);
    const stop = new AbortController();
    const { body } = await createHttpExchange().post(new URL(url), message, stop.signal);
    stop.abort();
    await expect.poll(() => body.closed).toBe(true);
    open.closeAllConnections();
    open.close();
  }
  expect(await textOf(await post(server.url))).toBe("fine");
});

describe("a proxy", () => {
  // Loopback addresses are never asked for by way of a proxy, and this name is not looked up here.
  const elsewhere = "http://models.example/v1";

  test("gets requests for plain addresses whole", async () => {
    await using proxy = await startProxy();
    const exchange = createHttpExchange(() => proxy.url);
    expect(await textOf(await post(elsewhere, exchange))).toBe("from the proxy");
    expect(proxy.seen).toEqual([`POST ${elsewhere}`]);
  });

  test("gets a tunnel for addresses with TLS", async () => {
    await using proxy = await startProxy();
    // What is behind the tunnel speaks no TLS.
    await using server = await startServer();
    const { port } = new URL(server.url);
    await expect(
      post(
        `https://models.example:${port}/v1`,
        createHttpExchange(() => proxy.url),
      ),
    ).rejects.toThrow();
    expect(proxy.seen).toEqual([`CONNECT models.example:${port}`]);
  });

  test("is not asked for this machine", async () => {
    await using server = await startServer();
    const exchange = createHttpExchange(() => "http://127.0.0.1:1");
    expect(await textOf(await post(server.url, exchange))).toBe("fine");
  });

  test("of another kind is refused", async () => {
    await expect(
      post(
        elsewhere,
        createHttpExchange(() => "socks5://127.0.0.1:1"),
      ),
    ).rejects.toThrow("another kind");
  });

  test("is the one that the environment names", async () => {
    await using proxy = await startProxy();
    const before = { HTTP_PROXY: process.env["HTTP_PROXY"], NO_PROXY: process.env["NO_PROXY"] };
    Object.assign(process.env, { HTTP_PROXY: proxy.url, NO_PROXY: "other.example" });
    try {
      expect(await textOf(await post(elsewhere))).toBe("from the proxy");
    } finally {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });
});
