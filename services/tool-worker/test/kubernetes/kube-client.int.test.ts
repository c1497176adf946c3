import type { IncomingMessage, ServerResponse } from "node:http";
import path from "node:path";
import { tempDir, type TempDir } from "@parley/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KubeError, type Identity } from "../../src/kubernetes/api-failure.ts";
import { createBreaker } from "../../src/kubernetes/breaker.ts";
import { createConnection, type Connection } from "../../src/kubernetes/connection.ts";
import { impersonation } from "../../src/kubernetes/identity.ts";
import { createKubeApi, type KubeClientDeps } from "../../src/kubernetes/kube-client.ts";
import type { KubeRequest } from "../../src/kubernetes/kube-api.ts";
import { readKubeconfig } from "../../src/kubernetes/kubeconfig.ts";
import { createPlaces } from "../../src/kubernetes/places.ts";
import { ToolError } from "../../src/tools/tool.ts";
import { startStubCluster, type StubCluster, writeKubeconfig } from "../support/stub-cluster.ts";

const never = new AbortController().signal;
const read: KubeRequest = { path: "/api/v1/pods", asked: { what: "pods" }, signal: never };
const write: KubeRequest = { ...read, method: "PATCH", body: { a: 1 }, asked: { what: "pod", name: "web" } };

function json(response: ServerResponse, body: unknown, code = 200, headers: Record<string, string> = {}): void {
  response.writeHead(code, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

describe("an API server", () => {
  let folder: TempDir;
  let stub: StubCluster;
  let connection: Connection;
  let identity: Identity;
  let asked: {
    method: string | undefined;
    url: string | undefined;
    headers: IncomingMessage["rawHeaders"];
    body: string;
  }[];
  let sockets: Set<unknown>;
  let answer: (request: IncomingMessage, response: ServerResponse, count: number) => void;
  let figures: string[];

  beforeEach(async () => {
    folder = await tempDir();
    asked = [];
    figures = [];
    sockets = new Set();
    answer = (_, response) => json(response, { ok: true });
    stub = await startStubCluster((request, response) => {
      sockets.add(request.socket);
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { method, url, rawHeaders: headers } = request;
        asked.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
        answer(request, response, asked.length);
      });
    });
    await open(`http://127.0.0.1:${stub.port}/clusters/x/`);
  });

  afterEach(async () => {
    await stub[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  async function open(server: string): Promise<void> {
    const cluster = { "insecure-skip-tls-verify": true };
    const file = await writeKubeconfig(path.join(folder.path, "config"), {
      server,
      cluster,
      user: { token: "secret-one" },
    });
    const access = readKubeconfig(file, {});
    if (access === undefined) throw new Error("there is no access");
    connection = createConnection(access);
    identity = { access, report: () => {} };
  }

  function apiWith(more: Partial<KubeClientDeps> = {}) {
    const metrics = { ended: (method: string, code: string): void => void figures.push(`${method} ${code}`) };
    return createKubeApi({
      identity,
      connection,
      places: createPlaces(16, 32),
      breaker: createBreaker(),
      metrics,
      ...more,
    });
  }

  /** What it comes to: the answer, or the failure. */
  async function endOf(request: KubeRequest, more: Partial<KubeClientDeps> = {}): Promise<unknown> {
    return apiWith(more)
      .json(request)
      .catch((error: unknown) => error);
  }

  it("is asked with its path, query, credentials and body", async () => {
    const api = apiWith();
    await api.json({ ...read, query: { limit: 5, labelSelector: "a in (b,c)", field: ["x", "y"], absent: undefined } });
    await api.json({ ...write, contentType: "application/merge-patch+json", accept: "application/yaml" });
    await api.json({ ...write, method: "POST", body: "a: 1" });
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "GET /clusters/x/api/v1/pods?limit=5&labelSelector=a+in+%28b%2Cc%29&field=x&field=y",
      "PATCH /clusters/x/api/v1/pods",
      "POST /clusters/x/api/v1/pods",
    ]);
    expect(asked.map(({ body }) => body)).toEqual(["", '{"a":1}', "a: 1"]);
    expect(asked[1]?.headers.join(" ")).toContain(
      "Authorization Bearer secret-one Accept application/yaml Content-Type application/merge-patch+json",
    );
    expect(figures).toEqual(["GET 200", "PATCH 200", "POST 200"]);
  });

  it("is asked on connections that are kept", async () => {
    const api = apiWith();
    for (let n = 0; n < 10; n++) await api.json(read);
    // The HTTP client takes a connection again one round of the event loop after its answer, so a second one may be opened meanwhile.
    expect(sockets.size).toBeLessThanOrEqual(2);
  });

  it("is asked in the name of somebody else, each group on a line of its own", async () => {
    const headers = impersonation({ user: { id: "u 1, system:masters" }, caller: { roles: ["ops", "dev"] } });
    await apiWith({ headers }).json(read);
    const sent = asked[0]?.headers ?? [];
    const lines = sent.flatMap((name, at) =>
      at % 2 === 0 && name.startsWith("Impersonate") ? [`${name}: ${sent[at + 1]}`] : [],
    );
    expect(lines).toEqual([
      "Impersonate-User: parley:u 1, system:masters",
      "Impersonate-Group: parley:ops",
      "Impersonate-Group: parley:dev",
    ]);
  });

  it.each(["a\r\nImpersonate-Group: system:masters", "", " a", "a ", "jürgen", "a\u0000b", "a".repeat(300)])(
    "is not asked in the name of %j, which fits no header",
    (id) => {
      expect(() => impersonation({ user: { id } })).toThrow(ToolError);
      expect(() => impersonation({ user: { id: "u" }, caller: { roles: [id] } })).toThrow(ToolError);
    },
  );

  describe("is asked again for what changes nothing", () => {
    it.each<[string, (response: ServerResponse) => void]>([
      ["answers 503", (response) => json(response, {}, 503)],
      ["answers 429 and says when to come back", (response) => json(response, {}, 429, { "retry-after": "0" })],
      ["hangs up", (response) => void response.socket?.destroy()],
      [
        "hangs up in the middle",
        (response) =>
          void response.writeHead(200, { "content-length": "9" }).write("{", () => response.socket?.destroy()),
      ],
    ])("when it %s", async (_, fail) => {
      answer = (_request, response, count) => (count < 3 ? fail(response) : json(response, { ok: count }));
      expect(await endOf(read)).toEqual({ ok: 3 });
    });

    it("three times at most", async () => {
      answer = (_, response) => json(response, {}, 503);
      expect(await endOf(read)).toMatchObject({ status: 503 });
      expect(asked).toHaveLength(3);
    });

    it.each([404, 403, 500, 410])("not when it answers %d", async (code) => {
      answer = (_, response) => json(response, {}, code);
      expect(await endOf(read)).toMatchObject({ status: code, notDone: code < 500 });
      expect(asked).toHaveLength(1);
    });

    it("not when it says that this takes long", async () => {
      answer = (_, response) => json(response, {}, 429, { "retry-after": "3600" });
      expect(await endOf(read)).toMatchObject({ message: "The cluster is overloaded; try again in a moment." });
      expect(asked).toHaveLength(1);
    });

    it("not once the call is stopped", async () => {
      answer = (_, response) => json(response, {}, 429, { "retry-after": "4" });
      const stopper = new AbortController();
      const ended = endOf({ ...read, signal: stopper.signal });
      await expect.poll(() => asked.length).toBe(1);
      stopper.abort(new Error("stopped by the test"));
      expect(String(await ended)).toBe("Error: stopped by the test");
      expect(asked).toHaveLength(1);
    });
  });

  describe("is asked once for what changes something, and what became of it is said as far as it is known:", () => {
    it.each<[string, boolean, (response: ServerResponse) => void]>([
      ["it hangs up", false, (response) => void response.socket?.destroy()],
      ["it fails", false, (response) => json(response, {}, 500)],
      ["what is before it fails", false, (response) => json(response, {}, 503)],
      ["its answer cannot be read", false, (response) => void response.writeHead(200).end("<html>")],
      ["it is busy", true, (response) => json(response, {}, 429, { "retry-after": "0" })],
      ["it refuses", true, (response) => json(response, { message: "replicas must not be negative." }, 422)],
      ["there is a conflict", true, (response) => json(response, {}, 409)],
      ["it is not allowed", true, (response) => json(response, {}, 403)],
    ])("%s (nothing was changed: %s)", async (_, notDone, fail) => {
      answer = (_request, response) => fail(response);
      const error = await endOf(write);
      expect(error).toBeInstanceOf(KubeError);
      expect(error).toMatchObject({ notDone });
      expect(asked).toHaveLength(1);
    });

    it("in the words of a change", async () => {
      answer = (_, response) => json(response, {}, 403);
      expect(await endOf(write)).toMatchObject({ message: "The tool worker is not allowed to change pod web." });
      expect(await endOf({ ...write, asked: { what: "pod", name: "web", verb: "delete" } })).toMatchObject({
        message: "The tool worker is not allowed to delete pod web.",
      });
    });

    it("with no connection nothing was changed", async () => {
      await stub[Symbol.asyncDispose]();
      expect(await endOf(write)).toMatchObject({ notDone: true, status: undefined });
    });
  });

  it("does not send anybody elsewhere", async () => {
    answer = (_, response) => json(response, {}, 302, { location: `http://127.0.0.1:${stub.port}/elsewhere` });
    expect(await endOf(read)).toMatchObject({ message: "The cluster refused to read pods (302).", status: 302 });
    expect(asked).toHaveLength(1);
  });

  it("that does not answer a read is given up in time, and counts as away", async () => {
    answer = () => {};
    const breaker = createBreaker();
    for (let n = 0; n < 5; n++) {
      expect(await endOf(read, { breaker, readAnswerMs: 50 })).toMatchObject({
        message: "The cluster cannot be reached: it does not answer.",
      });
    }
    expect(breaker.state()).toBe("open");
    expect(await endOf(read, { breaker })).toMatchObject({
      message: expect.stringContaining("was not asked again"),
      notDone: true,
    });
    expect(asked).toHaveLength(5);
  });

  it("whose answer has no end is left", async () => {
    answer = (_, response) => {
      response.writeHead(200);
      const more = (): void =>
        void response.write("x".repeat(1_000_000), (error) => (error ? undefined : setImmediate(more)));
      more();
    };
    const { text, isCut } = await apiWith().text({ ...read, maxBytes: 3_000_000 });
    expect([text.length, isCut]).toEqual([3_000_000, true]);
    await expect
      .poll(() =>
        [...sockets].every(
          (socket) => typeof socket === "object" && socket !== null && "destroyed" in socket && socket.destroyed,
        ),
      )
      .toBe(true);
  });

  it("gets so many requests at a time, and refuses those for which there is no room to wait", async () => {
    const held: ServerResponse[] = [];
    answer = (_, response) => void held.push(response);
    const places = createPlaces(2, 1);
    const ends = [1, 2, 3].map(() => endOf(read, { places }));
    await expect.poll(() => held.length).toBe(2);
    expect(await endOf(write, { places })).toMatchObject({
      message: "Too much is asked of the cluster at once; try again in a moment.",
      notDone: true,
    });
    for (const response of held.splice(0)) json(response, {});
    await expect.poll(() => held.length).toBe(1);
    for (const response of held) json(response, {});
    expect(await Promise.all(ends)).toEqual([{}, {}, {}]);
  });
});
