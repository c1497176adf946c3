import { connect, createServer, type Server, type Socket } from "node:net";
import { expect, test } from "vitest";
import { eventually, freePort, startTcpProxy } from "@parley/testkit";

/** Says back what it hears. */
async function startEcho(): Promise<{ port: number; server: Server } & AsyncDisposable> {
  const port = await freePort();
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    port,
    server,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function openClient(port: number) {
  const socket = connect({ host: "127.0.0.1", port });
  const state = { heard: "", isClosed: false };
  socket.setEncoding("utf8").on("data", (text: string) => (state.heard += text));
  socket.on("error", () => undefined);
  socket.on("close", () => (state.isClosed = true));
  return { socket, state };
}

test("passes bytes both ways", async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy({ targets: [echo.port] });
  const { socket, state } = openClient(proxy.port);
  socket.write("one");
  await eventually(() => state.heard === "one", { what: "the echo" });
  socket.destroy();
});

test("holds what was sent while it was stalled, and passes it on when healed", async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy({ targets: [echo.port] });
  const { socket, state } = openClient(proxy.port);
  socket.write("one");
  await eventually(() => state.heard === "one", { what: "the echo" });
  proxy.stall();
  socket.write("two");
  // A connection of its own shows that the proxy has read on: what would have passed, has.
  const late = openClient(proxy.port);
  await eventually(() => proxy.connections() === 2, { what: "the second connection" });
  expect(state.heard).toBe("one");
  expect(state.isClosed).toBe(false);
  proxy.heal();
  await eventually(() => state.heard === "onetwo", { what: "what was held" });
  late.socket.destroy();
  socket.destroy();
});

test("resets connections, old and new, while it is severed", async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy({ targets: [echo.port] });
  const before = openClient(proxy.port);
  before.socket.write("one");
  await eventually(() => before.state.heard === "one", { what: "the echo" });
  proxy.sever();
  const during = openClient(proxy.port);
  await eventually(() => before.state.isClosed && during.state.isClosed, { what: "the resets" });
  proxy.heal();
  const after = openClient(proxy.port);
  after.socket.write("three");
  await eventually(() => after.state.heard === "three", { what: "the echo" });
  after.socket.destroy();
});

test("passes over a target that does not answer", async () => {
  await using echo = await startEcho();
  await using proxy = await startTcpProxy({ targets: [await freePort(), echo.port] });
  for (const word of ["one", "two", "three"]) {
    const { socket, state } = openClient(proxy.port);
    socket.write(word);
    await eventually(() => state.heard === word, { what: `the echo of ${word}` });
    socket.destroy();
  }
});
