import { eventually } from "@parley/testkit";
import { encodeFileFrame } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { filesPath, picture, jsonOf } from "./support/file-client.ts";
import { createRoomWorld, person, tokenOf, type Person, type RoomWorld } from "./support/room-world.ts";

let room: RoomWorld;
beforeAll(async () => {
  room = await createRoomWorld();
}, 120_000);
afterAll(() => room[Symbol.asyncDispose]());

const [ann, bert, cora, eve] = [person("ann"), person("bert"), person("cora"), person("eve")];
/** Of the same name, in another tenant. */
const otherAnn = person("ann", { org: "other" });
const tus = { "tus-resumable": "1.0.0" };
const patching = { ...tus, "content-type": "application/offset+octet-stream", "upload-offset": "0" };

async function ask(who: Person | undefined, method: string, path: string, more: RequestInit = {}, at: 0 | 1 = 0) {
  const auth: Record<string, string> = who === undefined ? {} : { authorization: `Bearer ${await tokenOf(who)}` };
  const headers = { ...auth, ...(more.headers as Record<string, string> | undefined) };
  return fetch(`http://127.0.0.1:${room.edges[at].port}${path}`, { method, ...more, headers });
}

async function bring(who: Person, query = ""): Promise<string> {
  const body = new Uint8Array(picture(2_000));
  const response = await ask(who, "POST", `${filesPath}?name=a.png${query}`, {
    body,
    headers: { "content-type": "image/png" },
  });
  expect(response.status).toBe(201);
  return (await jsonOf(response)).file_id;
}

/** Every way to a file, as its status. */
async function ways(who: Person | undefined, id: string, at: 0 | 1 = 0): Promise<Record<string, number>> {
  const path = `${filesPath}/${id}`;
  const one = async (
    method: string,
    address: string,
    headers: Record<string, string> = {},
    body?: Uint8Array<ArrayBuffer>,
  ) => (await ask(who, method, address, { headers, ...(body === undefined ? {} : { body }) }, at)).status;
  return {
    get: await one("GET", path),
    head: await one("HEAD", path),
    range: await one("GET", path, { range: "bytes=0-1" }),
    info: await one("GET", `${path}/info`),
    tusHead: await one("HEAD", path, tus),
    patch: await one("PATCH", path, patching, new Uint8Array([1])),
    override: await one("POST", path, { ...patching, "x-http-method-override": "PATCH" }, new Uint8Array([1])),
    removal: await one("DELETE", path),
  };
}
const nothing = { get: 404, head: 404, range: 404, info: 404, tusHead: 404, patch: 404, override: 404, removal: 404 };
const reading = { get: 200, head: 200, range: 206, info: 200 };

const members = (id: string, member = ""): string => `/api/v1/conversations/${id}/members${member}`;
const add = (id: string, who: Person, role: string) =>
  room.as(ann, "POST", members(id), { body: { user_id: who.name, role } });

describe("a file that nobody has sent", () => {
  it("is for whoever brought it alone", async () => {
    const id = await bring(ann);
    for (const who of [bert, eve, otherAnn]) expect(await ways(who, id, 1)).toEqual(nothing);
    expect(new Set(Object.values(await ways(undefined, id)))).toEqual(new Set([401]));
    // Sent again where it is whole already, to its uploader alone it is as good as done.
    expect(await ways(ann, id, 1)).toEqual({ ...reading, tusHead: 200, patch: 409, override: 409, removal: 204 });
    expect(await ways(ann, id)).toEqual(nothing);
  });

  it("is in nobody else's list", async () => {
    const id = await bring(ann);
    const listed = async (who: Person): Promise<string[]> =>
      (await jsonOf(await ask(who, "GET", filesPath))).files.map((file: { file_id: string }) => file.file_id);
    expect(await listed(ann)).toContain(id);
    for (const who of [bert, otherAnn]) expect(await listed(who)).not.toContain(id);
    expect((await ask(undefined, "GET", filesPath)).status).toBe(401);
    expect((await ask(undefined, "POST", filesPath, { body: "x" })).status).toBe(401);
  });
});

describe("a file of a conversation", () => {
  it("is for its members, while they are, and goes with it", async () => {
    const conversation = await room.begin(ann);
    const id = await bring(ann, `&conversation_id=${conversation}`);
    expect((await add(conversation, bert, "reader")).status).toBe(204);
    expect((await add(conversation, cora, "writer")).status).toBe(204);
    const member = { ...reading, tusHead: 404, patch: 404, override: 404, removal: 404 };
    for (const who of [bert, cora]) expect(await ways(who, id, 1)).toEqual(member);
    for (const who of [eve, otherAnn]) expect(await ways(who, id, 1)).toEqual(nothing);
    // Whoever brought it has given it away: it goes with the conversation.
    expect(await ways(ann, id)).toEqual({ ...reading, tusHead: 409, patch: 409, override: 409, removal: 409 });

    expect((await room.as(ann, "DELETE", members(conversation, "/cora"))).status).toBe(204);
    await eventually(async () => (await ways(cora, id, 1)).get === 404, { what: "the removed member's edge" });
    expect(await ways(cora, id, 1)).toEqual(nothing);

    expect((await room.as(ann, "DELETE", `/api/v1/conversations/${conversation}`)).status).toBe(204);
    for (const who of [ann, bert]) expect(await ways(who, id, 1)).toEqual(nothing);
    expect(await room.world.bus.files.keptBy({ user: "ann", tenant: "acme" })).toMatchObject({ files: 1 });
  });

  it("comes only from who may write in it", async () => {
    const conversation = await room.begin(ann);
    await add(conversation, bert, "reader");
    const post = async (who: Person): Promise<number> => {
      const path = `${filesPath}?name=a.png&conversation_id=${conversation}`;
      return (await ask(who, "POST", path, { body: new Uint8Array(picture(100)) }, 1)).status;
    };
    expect([await post(bert), await post(eve), await post(otherAnn)]).toEqual([403, 403, 403]);
    expect(await room.world.bus.files.keptBy({ user: "eve", tenant: "acme" })).toEqual({ files: 0, bytes: 0 });
    expect(await room.world.bus.files.ofConversation(conversation)).toEqual([]);
    for (const who of [bert, eve]) {
      const client = await room.connect(who, 1);
      const header = { type: "file", id: "x", name: "a.png", media_type: "", bytes: 100, offset: 0 } as const;
      client.sendBytes(encodeFileFrame({ ...header, conversation_id: conversation }, picture(100)), "binary");
      expect(await client.next("error")).toMatchObject({ frame: "file", id: "x", code: "FORBIDDEN" });
    }
  });

  it("stays one conversation's", async () => {
    const [first, second] = [await room.begin(ann), await room.begin(ann)];
    await bring(ann, `&id=one&conversation_id=${first}`);
    const path = `${filesPath}?name=a.png&id=one&conversation_id=${second}`;
    const again = await ask(ann, "POST", path, { body: new Uint8Array(picture(2_000)) });
    expect(again.status).toBe(409);
    expect(await room.world.bus.files.ofConversation(second)).toEqual([]);
  });
});
