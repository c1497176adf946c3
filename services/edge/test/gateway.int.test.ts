import { createMay, createView, foldFrame, RightsByRole } from "@parley/protocol";
import { createMetrics } from "@parley/runtime";
import { eventually, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTokens } from "../src/admission/tokens.ts";
import { createWorld, jwtSecret, log, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { letIn, sendAway } from "./support/rooms.ts";
import { connectClient, type TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;

/** Who begins with `gateway` has the role; the tenant is what stands behind a colon. */
function testTokens() {
  const tokens = startTokens({
    sharedSecret: { secret: jwtSecret },
    registry: createMetrics({ service: "edge" }),
    log,
  });
  return {
    ...tokens,
    verify: async (token: string) => {
      const identity = await tokens.verify(token);
      const [name = "", tenant] = identity.user.id.split(":");
      return { ...identity, tenant, roles: name.startsWith("gateway") ? ["gateway"] : [] };
    },
  };
}

beforeAll(async () => {
  world = await createWorld();
  const gateway = { actions: ["gateway:act"], acts_as: ["clerk"] };
  edge = await world.addEdge({ tokens: testTokens(), may: createMay(RightsByRole.parse({ gateway })) });
});
afterAll(() => world[Symbol.asyncDispose]());

async function enter(user: string): Promise<TestClient> {
  const client = await connectClient(edge.url);
  client.send({ type: "auth", token: await tokenOf(user), knows: ["posts", "unknown"] });
  await client.next("auth_success");
  return client;
}

/** Of an answer, as its frames say it. Who subscribes without a cursor is told the whole again, so a `seq` may come twice. */
function textOf({ frames }: TestClient, conversation: string, turn: string): string | undefined {
  let view = createView(conversation);
  for (const frame of frames)
    if ("seq" in frame && "ts" in frame && frame.conversation_id === conversation) view = foldFrame(view, frame);
  return shownTurn(view, turn)?.text;
}

const forUser = (id: string) => ({ on_behalf_of: { id } });
const messageOf = (conversation_id: string, user: string, id = "m1") => ({
  ...{ type: "message", id, message: `by ${user}`, conversation_id },
  ...forUser(user),
});

it("what a gateway asks is asked as its user, and each answer names whom it is for", async () => {
  const gateway = await enter("gateway");
  gateway.send(messageOf("c_gw_1", "ann"));
  gateway.send(messageOf("c_gw_2", "ben"));
  const answers = [await gateway.next("accepted"), await gateway.next("accepted")];
  expect(answers.map(({ conversation_id, on_behalf_of }) => `${conversation_id} ${on_behalf_of}`).toSorted()).toEqual([
    "c_gw_1 ann",
    "c_gw_2 ben",
  ]);
  expect((await gateway.next("message")).author.id).toBe("ann");
  const owner = await enter("ann");
  owner.send({ type: "subscribe", conversation_id: "c_gw_1" });
  expect((await owner.next("subscribed")).on_behalf_of).toBeUndefined();
  // What is ben's is not ann's, also by the gateway.
  gateway.send({ type: "subscribe", conversation_id: "c_gw_2", ...forUser("ann") });
  expect(await gateway.next("error")).toMatchObject({ code: "FORBIDDEN", frame: "subscribe", on_behalf_of: "ann" });
  gateway.send({ type: "title", conversation_id: "c_gw_2", title: "x", id: "w", ...forUser("ann") });
  expect(await gateway.next("error")).toMatchObject({ code: "FORBIDDEN", frame: "title", on_behalf_of: "ann" });
});

it("who has not the right asks for nobody, over a socket or HTTP", async () => {
  const stranger = await enter("eve");
  for (const type of ["subscribe", "cancel", "unsubscribe", "regenerate", "react"]) {
    const more = { message_id: "t-u", id: "w", reaction: "x", on: true };
    stranger.send({ type, conversation_id: "c_gw_1", ...more, ...forUser("ann") });
    expect(await stranger.next("error")).toMatchObject({ code: "FORBIDDEN", frame: type, on_behalf_of: "ann" });
  }
  const header = (user: object) => Buffer.from(JSON.stringify(user)).toString("base64url");
  const listAs = async (token: string, value: string) =>
    fetch(`http://127.0.0.1:${edge.port}/api/v1/conversations/c_gw_1/members`, {
      headers: { authorization: `Bearer ${token}`, "parley-on-behalf-of": value },
    });
  expect((await listAs(await tokenOf("eve"), header({ id: "ann" }))).status).toBe(403);
  expect((await listAs(await tokenOf("gateway"), header({ id: "ann" }))).status).toBe(200);
  expect((await listAs(await tokenOf("gateway"), header({ id: "ben" }))).status).toBe(403);
  expect((await listAs(await tokenOf("gateway"), "%%")).status).toBe(400);
  expect((await listAs(await tokenOf("gateway"), header({ id: "ann", roles: ["operator"] }))).status).toBe(403);
});

it("a gateway gives only roles that its own lists, and names no user of another issuer", async () => {
  const gateway = await enter("gateway");
  const subscribe = { type: "subscribe", conversation_id: "c_gw_1" };
  gateway.send({ ...subscribe, on_behalf_of: { id: "ann", roles: ["operator"] } });
  expect(await gateway.next("error")).toMatchObject({ code: "FORBIDDEN", on_behalf_of: "ann" });
  gateway.send({ ...subscribe, on_behalf_of: { id: "~other~ann" } });
  expect(await gateway.next("error")).toMatchObject({ code: "FORBIDDEN", on_behalf_of: "~other~ann" });
  gateway.send({ ...subscribe, on_behalf_of: { id: "ann", roles: ["clerk"] } });
  expect(await gateway.next("subscribed")).toMatchObject({ on_behalf_of: "ann" });
});

it("a gateway of a tenant opens only what is of that tenant, also of the users whom it names", async () => {
  const gateway = await enter("gateway:acme");
  // Ann began it without a tenant: it is hers, and not the gateway's to open.
  gateway.send({ type: "subscribe", conversation_id: "c_gw_1", ...forUser("ann") });
  expect(await gateway.next("error")).toMatchObject({ code: "FORBIDDEN" });
  gateway.send(messageOf("c_gw_acme", "ann"));
  await gateway.next("accepted");
  const other = await enter("gateway:other");
  other.send({ type: "subscribe", conversation_id: "c_gw_acme", ...forUser("ann") });
  expect(await other.next("error")).toMatchObject({ code: "FORBIDDEN" });
});

it("two users of a gateway in one conversation get its events once, and the view stays until the last one has no part in it", async () => {
  const gateway = await enter("gateway");
  const id = "c_gw_room";
  gateway.send(messageOf(id, "ann"));
  const { turn_id } = await gateway.next("accepted");
  await letIn(world.bus, id, ["ben", "cleo"]);
  for (const user of ["ben", "cleo"]) {
    gateway.send({ type: "subscribe", conversation_id: id, ...forUser(user) });
    expect(await gateway.next("subscribed")).toMatchObject({ on_behalf_of: user });
  }
  const turn = world.worker.take(id, turn_id);
  await turn.token("one");
  await eventually(() => textOf(gateway, id, turn_id) === "one", { what: "the first word" });
  await sendAway(world.bus, id, "cleo");
  // Cleo had the view: it is the next one's, from the same place.
  expect(await gateway.next("error")).toMatchObject({ code: "FORBIDDEN", on_behalf_of: "cleo" });
  await eventually(() => gateway.frames.filter(({ type }) => type === "subscribed").length === 3, {
    what: "the next one",
  });
  await turn.token("two");
  await sendAway(world.bus, id, "ben");
  await turn.token("three");
  await turn.complete("onetwothree");
  await gateway.next("complete");
  // Folded from frames whose `seq` rises: nothing came twice, nothing is missing.
  expect(textOf(gateway, id, turn_id)).toBe("onetwothree");
  expect(gateway.frames.filter(({ type }) => type === "complete").length).toBe(1);
  gateway.send({ type: "subscribe", conversation_id: id, ...forUser("cleo") });
  expect((await gateway.next("error")).code).toBe("FORBIDDEN");
});

it("a user who leaves leaves the view to the others; after the last one nothing comes", async () => {
  const gateway = await enter("gateway");
  const id = "c_gw_left";
  gateway.send(messageOf(id, "ann"));
  const { turn_id } = await gateway.next("accepted");
  await letIn(world.bus, id, ["ben"]);
  gateway.send({ type: "subscribe", conversation_id: id, ...forUser("ben") });
  await gateway.next("subscribed");
  gateway.send({ type: "unsubscribe", conversation_id: id, ...forUser("ben") });
  expect(await gateway.next("subscribed")).toMatchObject({ on_behalf_of: "ann" });
  const turn = world.worker.take(id, turn_id);
  await turn.token("one");
  await eventually(() => textOf(gateway, id, turn_id) === "one", { what: "the first word" });
  gateway.send({ type: "unsubscribe", conversation_id: id, ...forUser("ann") });
  gateway.send({ type: "ping" });
  await gateway.next("pong");
  await turn.token("two");
  await turn.complete("onetwo");
  const after = await enter("ann");
  after.send({ type: "subscribe", conversation_id: id });
  await after.next("snapshot");
  expect(textOf(gateway, id, turn_id)).toBe("one");
});

it("a message that is refused does not take the view from who has it", async () => {
  const gateway = await enter("gateway");
  const id = "c_gw_kept";
  gateway.send(messageOf(id, "ann"));
  const { turn_id } = await gateway.next("accepted");
  await letIn(world.bus, id, ["ben"], "reader");
  gateway.send(messageOf(id, "ben", "m2"));
  expect(await gateway.next("error")).toMatchObject({ code: "FORBIDDEN", id: "m2", on_behalf_of: "ben" });
  const turn = world.worker.take(id, turn_id);
  await turn.token("one");
  await turn.complete("one");
  await gateway.next("complete");
  expect(textOf(gateway, id, turn_id)).toBe("one");
});
