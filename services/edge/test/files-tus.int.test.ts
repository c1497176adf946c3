import { createHash } from "node:crypto";
import { connect } from "node:net";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { beginTus, fileRequest, filesPath, hashOf, headTus, patchTus, picture, jsonOf } from "./support/file-client.ts";

let world: World;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  [edge, other] = [await world.addEdge(), await world.addEdge()];
});
afterAll(() => world[Symbol.asyncDispose]());

const piece = (bytes: Buffer, from: number, to = bytes.length) => new Uint8Array(bytes.subarray(from, to));
const offsetAt = async (place: EdgeUnderTest, location: string): Promise<string | null> =>
  (await headTus(place, location)).headers.get("upload-offset");

describe("a file by tus", () => {
  it("says what is spoken", async () => {
    const response = await fileRequest(edge, "OPTIONS", filesPath, { user: null });
    expect(response.status).toBe(204);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "tus-version": "1.0.0",
      "tus-resumable": "1.0.0",
      "tus-max-size": String(256 * 2 ** 20),
      "tus-extension": "creation,creation-with-upload,expiration,termination,checksum",
      "tus-checksum-algorithm": "sha1,sha256",
    });
    const old = await fileRequest(edge, "POST", filesPath, {
      headers: { "tus-resumable": "0.2.2", "upload-length": "1" },
    });
    expect([old.status, old.headers.get("tus-version")]).toEqual([412, "1.0.0"]);
  });

  it("goes on where it was cut, at any edge, and is whole", async () => {
    const bytes = picture(2_600_000);
    const begun = await beginTus(edge, bytes.length);
    const location = begun.headers.get("location") ?? "";
    expect([begun.status, begun.headers.get("upload-offset")]).toEqual([201, "0"]);
    expect(Date.parse(begun.headers.get("upload-expires") ?? "") - Date.now()).toBeGreaterThan(80_000_000);
    const first = await patchTus(edge, location, 0, piece(bytes, 0, 700_000));
    expect([first.status, first.headers.get("upload-offset")]).toEqual([204, "700000"]);
    expect(await offsetAt(other, location)).toBe("700000");
    expect((await patchTus(other, location, 700_000, piece(bytes, 700_000, 700_001))).status).toBe(204);
    const last = await patchTus(other, location, 700_001, piece(bytes, 700_001));
    expect([last.status, last.headers.get("upload-offset")]).toEqual([204, "2600000"]);
    const read = await fileRequest(edge, "GET", location);
    expect(hashOf(new Uint8Array(await read.arrayBuffer()))).toBe(hashOf(bytes));
    // Sent again by a client that had no answer.
    const again = await patchTus(edge, location, 2_600_000, new Uint8Array());
    expect([again.status, again.headers.get("upload-offset")]).toEqual([204, "2600000"]);
  });

  it("keeps what came before its client went away in the middle of a body", async () => {
    const bytes = picture(2_000_000);
    const location = (await beginTus(edge, bytes.length)).headers.get("location") ?? "";
    const socket = connect(edge.port, "127.0.0.1");
    const head = [
      `PATCH ${location} HTTP/1.1`,
      "host: x",
      `authorization: Bearer ${await tokenOf("ann")}`,
      ...["tus-resumable: 1.0.0", "content-type: application/offset+octet-stream", "upload-offset: 0"],
      `content-length: ${bytes.length}`,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
    socket.write(bytes.subarray(0, 1_234_567), () => setTimeout(() => socket.destroy(), 50));
    await eventually(async () => (await offsetAt(other, location)) === "1234567", { what: "what was sent" });
    expect((await patchTus(other, location, 1_234_567, piece(bytes, 1_234_567))).status).toBe(204);
    const info = await jsonOf(await fileRequest(edge, "GET", `${location}/info`));
    expect(info).toMatchObject({ status: "stored", sha256: hashOf(bytes) });
  });

  it("is one of two clients' that write at the same place: the other one is told where it goes on", async () => {
    const bytes = picture(900_000);
    const location = (await beginTus(edge, bytes.length)).headers.get("location") ?? "";
    const answers = await Promise.all([edge, other].map((one) => patchTus(one, location, 0, piece(bytes, 0))));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 409]);
    const info = await jsonOf(await fileRequest(edge, "GET", `${location}/info`));
    expect(info).toMatchObject({ status: "stored", sha256: hashOf(bytes) });
  });

  it("begins with its first bytes, and is the same one under its id", async () => {
    const bytes = picture(5_000);
    const body = { body: piece(bytes, 0, 1_000), headers: { "content-type": "application/offset+octet-stream" } };
    const begun = await beginTus(edge, bytes.length, { id: "a1", ...body });
    expect([begun.status, begun.headers.get("upload-offset")]).toEqual([201, "1000"]);
    const again = await beginTus(other, bytes.length, { id: "a1", ...body });
    expect([again.headers.get("location"), again.headers.get("upload-offset")]).toEqual([
      begun.headers.get("location"),
      "1000",
    ]);
    const otherSize = await beginTus(other, 6_000, { id: "a1" });
    expect(otherSize.status).toBe(409);
    const stranger = await beginTus(other, bytes.length, { id: "a1", user: "eve" });
    expect(stranger.headers.get("location")).not.toBe(begun.headers.get("location"));
  });

  it("is checked by a checksum before it counts", async () => {
    const bytes = picture(3_000);
    const location = (await beginTus(edge, bytes.length)).headers.get("location") ?? "";
    const sum = (name: string, of: Uint8Array) => ({
      "upload-checksum": `${name} ${createHash(name).update(of).digest("base64")}`,
    });
    const wrong = await patchTus(edge, location, 0, piece(bytes, 0, 1_000), { headers: sum("sha1", bytes) });
    expect([wrong.status, await offsetAt(edge, location)]).toEqual([460, "0"]);
    const unknown = { "upload-checksum": "crc32 AAAA" };
    expect((await patchTus(edge, location, 0, piece(bytes, 0, 1_000), { headers: unknown })).status).toBe(400);
    for (const [name, from, to] of [
      ["sha1", 0, 1_000],
      ["sha256", 1_000, 3_000],
    ] as const) {
      const part = piece(bytes, from, to);
      expect((await patchTus(edge, location, from, part, { headers: sum(name, part) })).status).toBe(204);
    }
  });

  it("is refused where it is wrong: elsewhere, too much, another type of body, no length, nobody's", async () => {
    const location = (await beginTus(edge, 1_000)).headers.get("location") ?? "";
    const bytes = new Uint8Array(picture(1_001));
    expect((await patchTus(edge, location, 5, bytes.subarray(0, 10))).status).toBe(409);
    expect((await patchTus(edge, location, 0, bytes)).status).toBe(413);
    const typed = { headers: { "content-type": "image/png" } };
    expect((await patchTus(edge, location, 0, bytes.subarray(0, 10), typed)).status).toBe(415);
    const tus = { "tus-resumable": "1.0.0" };
    expect(
      (await fileRequest(edge, "POST", filesPath, { headers: { ...tus, "upload-defer-length": "1" } })).status,
    ).toBe(400);
    expect((await patchTus(edge, `${filesPath}/file_uAAAAAAAAAAAAAAAAAAAAA`, 0, bytes)).status).toBe(404);
    expect((await patchTus(edge, `${filesPath}/nothing`, 0, bytes)).status).toBe(400);
    expect(await offsetAt(edge, location)).toBe("0");
  });

  it("is too large by its real bytes, also where it does not say how many come", async () => {
    const location = (await beginTus(edge, 1_500_000)).headers.get("location") ?? "";
    const bytes = new Uint8Array(picture(3_000_000));
    const stream = new Blob([bytes]).stream();
    const answer = await patchTus(edge, location, 0, stream).catch(() => undefined);
    expect(answer?.status ?? 413).toBe(413);
    expect(Number(await offsetAt(edge, location))).toBeLessThanOrEqual(1_500_000);
  });

  it("is removed by whoever brought it, by DELETE or in its place", async () => {
    for (const override of [false, true]) {
      const location = (await beginTus(edge, 1_000)).headers.get("location") ?? "";
      const headers = { "tus-resumable": "1.0.0", ...(override ? { "x-http-method-override": "DELETE" } : {}) };
      expect((await fileRequest(other, override ? "POST" : "DELETE", location, { headers })).status).toBe(204);
      expect((await headTus(edge, location)).status).toBe(404);
    }
  });

  it("is ended by the next who asks where its edge died behind the last byte", async () => {
    const bytes = picture(400_000);
    const begun = await world.bus.files.begin({
      ...{ owner: { user: "ann" }, name: "a.png", mediaType: "image/png", bytes: bytes.length },
    });
    await world.bus.files.append(begun.file_id, 0, bytes);
    const location = `${filesPath}/${begun.file_id}`;
    expect(await offsetAt(edge, location)).toBe("400000");
    expect((await fileRequest(edge, "GET", location)).status).toBe(200);
  });
});
