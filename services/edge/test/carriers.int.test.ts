import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { createWorld, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { connectClient, type ClientOptions } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

const bearer = async (user: string): Promise<string> => `Bearer ${await tokenOf(user)}`;

describe("a socket", () => {
  it("is authenticated by the header of its request", async () => {
    const client = await connectClient(edge.url, { headers: { authorization: await bearer("ann") } });
    expect(await client.next("auth_success")).toMatchObject({ user: { id: "ann" } });
    client.close();
  });

  it("takes no notice of a header that is for a proxy in front", async () => {
    const client = await connectClient(edge.url, { headers: { authorization: "Basic YW5uOnNlY3JldA==" } });
    client.send({ type: "auth", token: await tokenOf("ann") });
    expect(await client.next("auth_success")).toMatchObject({ user: { id: "ann" } });
    client.close();
  });

  it("may carry the same token more than once", async () => {
    const token = await tokenOf("ann");
    const options: ClientOptions = {
      headers: { authorization: `Bearer ${token}` },
      protocols: ["parley.v1", `bearer.${token}`],
    };
    const client = await connectClient(`${edge.url}?token=${token}`, options);
    expect(await client.next("auth_success")).toMatchObject({ user: { id: "ann" } });
    client.close();
  });

  it.each([
    [
      "header and address",
      async () => [`?token=${await tokenOf("bob")}`, { headers: { authorization: await bearer("ann") } }],
    ],
    [
      "header and subprotocol",
      async () => [
        "",
        { headers: { authorization: await bearer("ann") }, protocols: ["parley.v1", `bearer.${await tokenOf("bob")}`] },
      ],
    ],
    [
      "two subprotocols",
      async () => [
        "",
        { protocols: ["parley.v1", `bearer.${await tokenOf("ann")}`, `bearer.${await tokenOf("bob")}`] },
      ],
    ],
    ["address and ticket", async () => [`?token=${await tokenOf("ann")}&ticket=${"t".repeat(43)}`, {}]],
  ] satisfies [string, () => Promise<[string, ClientOptions]>][])(
    "with different tokens in %s is refused for good",
    async (_where, carried) => {
      const [query, options] = await carried();
      const client = await connectClient(edge.url + query, options);
      const message = "The request carries several tokens that are not the same. Send one of them.";
      expect(await client.next("auth_error")).toMatchObject({ code: "AUTH_INVALID", message });
      expect(await client.closed).toBe(4500);
    },
  );

  it("with a token that has run out is told to come back with another one, also to go on from a cursor", async () => {
    const client = await connectClient(edge.url, {
      headers: { authorization: `Bearer ${await tokenOf("ann", -60_000)}` },
    });
    client.send({ type: "subscribe", conversation_id: "c_resumed", after: 17 });
    expect(await client.next("auth_error")).toMatchObject({ code: "AUTH_EXPIRED" });
    expect(await client.closed).toBe(4004);
    expect(client.frames.some(({ type }) => type === "subscribed")).toBe(false);
  });
});

/** Which subprotocol a client gets that offers these. */
async function selectedOf(protocols: readonly string[]): Promise<string> {
  const socket = new WebSocket(edge.url, [...protocols]);
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  const { protocol } = socket;
  socket.close();
  return protocol;
}

describe("of the subprotocols", () => {
  it("the one that carries a token is never selected", async () => {
    const token = await tokenOf("ann");
    expect(await selectedOf([`bearer.${token}`, "parley.v1"])).toBe("parley.v1");
    // Such a client of a seed needs one that may be selected: browsers give up when none is.
    expect(await selectedOf([`bearer.${token}`, "bearer"])).toBe("bearer");
    await expect(selectedOf([`bearer.${token}`])).rejects.toThrow("Server sent no subprotocol");
  });

  it("`bearer` leaves the dialect to the first frame", async () => {
    const socket = new WebSocket(edge.url, ["bearer", `bearer.${await tokenOf("ann")}`]);
    const first = await new Promise<string>((resolve) =>
      socket.once("message", (data: Buffer) => resolve(data.toString())),
    );
    expect(JSON.parse(first)).toMatchObject({ type: "auth_success" });
    socket.close();
  });
});
