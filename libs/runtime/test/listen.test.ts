import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { listen, StartError } from "@parley/runtime";

const anyPort = { host: "127.0.0.1", port: 0, variable: "ADMIN_PORT" };

describe("listen", () => {
  it("says which port the system chose", async () => {
    const listener = await listen(createServer(), anyPort);
    expect(listener.port).toBeGreaterThan(0);
    await listener.close();
  });

  it("names the variable to change when the port is taken", async () => {
    const first = await listen(createServer(), anyPort);
    const second = listen(createServer(), { ...anyPort, port: first.port });
    await expect(second).rejects.toThrow(StartError);
    await expect(second).rejects.toThrow(
      `Cannot listen on 127.0.0.1:${first.port}: another process has this port. Set ADMIN_PORT to another port.`,
    );
    await first.close();
  });

  it("closes although a client keeps its connection open", async () => {
    const listener = await listen(createServer(), anyPort);
    const client = connect(listener.port, "127.0.0.1");
    await once(client, "connect");
    const ended = once(client, "close");
    await listener.close();
    await expect(ended).resolves.toEqual([false]);
  });

  it("can be closed twice", async () => {
    const listener = await listen(createServer(), anyPort);
    await listener.close();
    await expect(listener.close()).resolves.toBeUndefined();
  });
});
