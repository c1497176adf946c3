import { connect } from "node:net";
import uWS from "uWebSockets.js";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createAddresses } from "../src/admission/address.ts";
import { createExchange } from "../src/transport/exchange.ts";
import { listenPublicly } from "../src/transport/listener.ts";

const app = uWS.App();
const withinMs = 1_500;
let port = 0;
const came: string[] = [];

beforeAll(async () => {
  const addresses = createAddresses({ trusted: [], exempt: [] });
  app.post("/", (response, request) => {
    const exchange = createExchange(response, request, addresses);
    void exchange.body(1_000, withinMs).then((body) => {
      came.push(String(body));
      exchange.reply({ status: 204, body: "" });
    });
  });
  ({ port } = await listenPublicly(app, { host: "127.0.0.1", port: 0, isShared: false }));
});
afterAll(() => void app.close());

/** Sends a byte every 50 ms, of `bytes` that are announced. Returns whether it was answered before it was cut off. */
async function trickle(bytes: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  let isAnswered = false;
  socket.on("data", () => {
    isAnswered = true;
    socket.end();
  });
  socket.write(`POST / HTTP/1.1\r\nhost: edge\r\ncontent-length: ${bytes}\r\n\r\n`);
  let left = bytes;
  const timer = setInterval(() => left-- > 0 && socket.write("x"), 50);
  const late = setTimeout(() => socket.destroy(new Error("nobody ended it")), 10_000);
  await new Promise((resolve) => socket.once("close", resolve));
  clearInterval(timer);
  clearTimeout(late);
  expect(socket.errored?.message).not.toBe("nobody ended it");
  return isAnswered;
}

it("a body that comes slowly is read, and one that takes too long cuts its sender off, who sends on all the time", async () => {
  expect([await trickle(3), came]).toEqual([true, ["xxx"]]);
  expect([await trickle(1_000), came]).toEqual([false, ["xxx"]]);
});
