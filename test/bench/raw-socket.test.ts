import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { WebSocketServer, type WebSocket } from "ws";
import { openRawSocket } from "../../loadtest/bench/sockets/raw-socket.ts";

async function startServer() {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, "connection").then(([socket]) => socket as WebSocket);
  const stop = async (): Promise<void> => {
    for (const client of server.clients) client.terminate();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port, accepted, [Symbol.asyncDispose]: stop };
}

it("reads frames of every size, however the network cuts them", async () => {
  await using server = await startServer();
  const texts = ["", "a", "b".repeat(125), "c".repeat(126), "d".repeat(70_000)];
  const seen: string[] = [];
  const all = new Promise<void>((resolve) => {
    const onFrame = (payload: Buffer): void => {
      seen.push(payload.toString());
      if (seen.length === texts.length) resolve();
    };
    void openRawSocket({ port: server.port, path: "/", onFrame });
  });
  const peer = await server.accepted;
  for (const text of texts) peer.send(text);
  await all;
  expect(seen).toEqual(texts);
});

it("sends text that a server understands, short and long", async () => {
  await using server = await startServer();
  const socket = await openRawSocket({ port: server.port, path: "/", onFrame: () => {} });
  const peer = await server.accepted;
  for (const text of ["hello", "x".repeat(300)]) {
    const came = once(peer, "message");
    socket.send(text);
    expect(String((await came)[0])).toBe(text);
  }
});

it("answers a ping, so that an idle socket is kept", async () => {
  await using server = await startServer();
  await openRawSocket({ port: server.port, path: "/", onFrame: () => {} });
  const peer = await server.accepted;
  const answered = once(peer, "pong");
  peer.ping("are you there");
  expect(String((await answered)[0])).toBe("are you there");
});

it("says when the server is gone", async () => {
  await using server = await startServer();
  const gone = new Promise<void>((resolve) => {
    void openRawSocket({ port: server.port, path: "/", onFrame: () => {}, onClose: resolve });
  });
  (await server.accepted).terminate();
  await gone;
});
