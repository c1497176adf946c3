import { createServer, type Server } from "node:http";
import { KubeConfig } from "@kubernetes/client-node";
import { listen } from "@parley/runtime";
import { afterEach, expect, it } from "vitest";
import { WebSocketServer, type WebSocket } from "ws";
import { StatusError } from "../../../src/kubernetes/access-failure.ts";
import { runInPod } from "../../../src/kubernetes/write/pod-stream.ts";

const open: { server: Server; close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const { server, close } of open.splice(0)) {
    server.closeAllConnections();
    await close();
  }
});

interface Seen {
  url?: string | undefined;
  headers?: Record<string, unknown>;
}

/** A kubelet, as far as exec goes: `act` is what it does with the socket. */
async function startPod(act: (socket: WebSocket) => void) {
  const server = createServer((_, response) => {
    response.writeHead(403, { "content-type": "application/json" }).end('{"kind":"Status","message":"no"}');
  });
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0] ?? false });
  const seen: Seen = {};
  server.on("upgrade", (request, socket, head) => {
    seen.url = request.url;
    seen.headers = request.headers;
    if (request.url?.endsWith("/forbidden") === true)
      return void socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno");
    sockets.handleUpgrade(request, socket, head, act);
  });
  const listener = await listen(server, { host: "127.0.0.1", port: 0, variable: "PORT" });
  open.push({ server, close: listener.close });
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: "x", server: `http://127.0.0.1:${listener.port}/below/`, skipTLSVerify: true },
    { name: "x", token: "t0ken" },
  );
  const run = (path = "/exec", signal = AbortSignal.timeout(5_000)) =>
    runInPod({
      ...{ path, access: { config }, signal, maxBytes: 10 },
      headers: { "Impersonate-User": "parley:u", "Impersonate-Group": ["a", "b"] },
    });
  return { run, seen, server };
}

const on = (channel: number, text: string): Buffer => Buffer.concat([Buffer.from([channel]), Buffer.from(text)]);
const success = on(3, '{"status":"Success"}');
const failure = (code: string): Buffer =>
  on(
    3,
    JSON.stringify({ status: "Failure", message: "m", details: { causes: [{ reason: "ExitCode", message: code }] } }),
  );

it("what a command writes comes with how it ended, as whoever asks", async () => {
  const pod = await startPod((socket) => {
    socket.send(on(1, "out"));
    socket.send(on(2, "err"));
    socket.send(success);
  });
  expect(await pod.run()).toEqual({ output: "outerr", isCut: false, exit: { code: 0, says: "" } });
  expect(pod.seen.url).toBe("/below/exec");
  expect(pod.seen.headers).toMatchObject({
    authorization: "Bearer t0ken",
    "impersonate-user": "parley:u",
    "impersonate-group": "a, b",
    "sec-websocket-protocol": "v5.channel.k8s.io,v4.channel.k8s.io",
  });
});

it("a command that fails has its exit code", async () => {
  const pod = await startPod((socket) => socket.send(failure("7")));
  expect((await pod.run()).exit).toEqual({ code: 7, says: "" });
});

it("a command that cannot begin has a reason", async () => {
  const pod = await startPod((socket) => socket.send(on(3, '{"status":"Failure","message":"no such file"}')));
  expect((await pod.run()).exit).toEqual({ code: -1, says: "no such file" });
});

it("of very much output the beginning is kept", async () => {
  const pod = await startPod((socket) => {
    for (let at = 0; at < 100; at++) socket.send(on(1, "0123456789abcdef"));
    socket.send(success);
  });
  expect(await pod.run()).toMatchObject({ output: "0123456789", isCut: true, exit: { code: 0 } });
});

it.each([
  ["ends", (socket: WebSocket) => socket.close()],
  ["is cut", (socket: WebSocket) => socket.terminate()],
  [
    "says something that cannot be read, and ends",
    (socket: WebSocket) => socket.send(on(3, "{"), () => socket.close()),
  ],
  ["sends a message that is too large", (socket: WebSocket) => socket.send(Buffer.alloc(2 * 1024 * 1024))],
  ["sends nothing at all, and ends", (socket: WebSocket) => socket.send(Buffer.alloc(0), () => socket.close())],
])("nobody knows how a command ended whose connection %s", async (_, act) => {
  const pod = await startPod(act);
  expect((await pod.run()).exit).toBeUndefined();
});

it("a command that is stopped is let go of, and nobody knows how it ended", async () => {
  const stop = new AbortController();
  const pod = await startPod((socket) => {
    socket.send(on(1, "begun"));
    setTimeout(() => stop.abort(), 50);
  });
  expect(await pod.run("/exec", stop.signal)).toEqual({ output: "begun", isCut: false, exit: undefined });
});

it("a refusal is told as the refusal of any other request", async () => {
  const pod = await startPod(() => {});
  const refused: unknown = await pod.run("/forbidden").catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(StatusError);
  expect(refused).toMatchObject({ status: 403, body: "no" });
});

it("there is no command without a connection", async () => {
  const pod = await startPod(() => {});
  const [{ server, close } = { server: pod.server, close: () => Promise.resolve() }] = open.splice(0);
  server.closeAllConnections();
  await close();
  await expect(pod.run()).rejects.toMatchObject({ code: "ECONNREFUSED" });
});
