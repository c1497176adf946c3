import { connect } from "node:net";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, metricOf, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { bring, fileRequest, filesPath, hashOf, picture, jsonOf } from "./support/file-client.ts";

let world: World;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  [edge, other] = [await world.addEdge(), await world.addEdge()];
});
afterAll(() => world[Symbol.asyncDispose]());

describe("a file in one body", () => {
  it("is stored whole, and read at any edge", async () => {
    const bytes = picture(3_500_000);
    const { status, body, headers } = await bring(edge, bytes, { name: "../my cat.png" });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      ...{ name: "my cat.png", media_type: "image/png", bytes: bytes.length, offset: bytes.length },
      ...{ status: "stored", sha256: hashOf(bytes) },
    });
    expect(body.expires_at - Date.now()).toBeGreaterThan(80_000_000);
    const read = await fileRequest(other, "GET", headers.get("location") ?? "");
    expect(read.status).toBe(200);
    expect(hashOf(new Uint8Array(await read.arrayBuffer()))).toBe(hashOf(bytes));
    expect(Object.fromEntries(read.headers)).toMatchObject({
      "content-length": String(bytes.length),
      "content-disposition": `attachment; filename="my cat.png"; filename*=UTF-8''my%20cat.png`,
      "content-security-policy": "sandbox; default-src 'none'",
      "x-content-type-options": "nosniff",
      "accept-ranges": "bytes",
      etag: `"${body.sha256}"`,
    });
  });

  it("is the same one when it is sent again under its id, also side by side", async () => {
    const bytes = picture(1_200_000);
    const answers = await Promise.all([edge, other].map((one) => bring(one, bytes, { query: "&id=twice" })));
    const again = await bring(edge, bytes, { query: "&id=twice" });
    expect(again.status).toBe(200);
    expect(again.body.sha256).toBe(hashOf(bytes));
    // One of two at once may be told that the other one was faster; none makes another file.
    for (const { status, body } of answers) {
      if (status === 409) continue;
      expect([status < 300, body.file_id]).toEqual([true, again.body.file_id]);
    }
    const listed = await fileRequest(edge, "GET", filesPath);
    const { files } = await jsonOf(listed);
    expect(files.filter(({ file_id: id }: { file_id: string }) => id === again.body.file_id)).toHaveLength(1);
  });

  it("begins anew where its client went away, and what was stored before is not mixed with it", async () => {
    const [first, second] = [picture(2_500_000), picture(2_500_000)];
    const socket = connect(edge.port, "127.0.0.1");
    const head = [
      `POST ${filesPath}?name=a.png&id=cut HTTP/1.1`,
      "host: x",
      `authorization: Bearer ${await tokenOf("ann")}`,
      "content-type: image/png",
      `content-length: ${first.length}`,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
    socket.write(first.subarray(0, 1_500_000));
    const begun = await eventually(
      async () => {
        const { files } = await jsonOf(await fileRequest(edge, "GET", filesPath));
        const found = files.find(
          ({ name, offset }: { name: string; offset: number }) => name === "a.png" && offset > 0,
        );
        return found;
      },
      { what: "a stored part" },
    );
    socket.destroy();
    expect(begun.status).toBe("uploading");
    // What had come and was no whole part yet is stored, too.
    const offset = async (): Promise<boolean> =>
      (await jsonOf(await fileRequest(other, "GET", `${filesPath}/${begun.file_id}/info`))).offset === 1_500_000;
    await eventually(offset, { what: "the rest" });
    const { status, body } = await bring(other, second, { name: "a.png", query: "&id=cut" });
    expect([status, body.file_id, body.sha256]).toEqual([201, begun.file_id, hashOf(second)]);
  });

  it.each([
    [
      "a program that is called a picture",
      Buffer.concat([Buffer.from("MZ"), Buffer.alloc(200_000, 1)]),
      "UNSUPPORTED",
      415,
    ],
    [
      "an archive",
      Buffer.from("504b0304140000000800000021000000000000000000000000000500000061", "hex"),
      "UNSUPPORTED",
      415,
    ],
    ["text as UTF-16", Buffer.from("\uFEFF<b>text</b>", "utf16le"), "UNSUPPORTED", 415],
    ["what is neither text nor known", Buffer.from([0, 1, 2, 3, 254, 255]), "UNSUPPORTED", 415],
    ["nothing", Buffer.alloc(0), "INVALID_FRAME", 400],
  ])("is refused, and gone: %s", async (_what, bytes, code, status) => {
    const before = await world.bus.files.keptBy({ user: "zoe" });
    const answer = await bring(edge, bytes, { user: "zoe", name: "cat.png" });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.body.error).toMatch(/^[A-Z].*\.$/);
    expect(await world.bus.files.keptBy({ user: "zoe" })).toEqual(before);
  });

  it("is too large by what it announces, before a byte of it is read", async () => {
    const small = await world.addEdge({ files: { maxBytes: 1_000, keepUnattachedMs: 60_000 } });
    const { status, body } = await bring(small, picture(1_001));
    expect([status, body.code]).toEqual([413, "MESSAGE_TOO_LARGE"]);
    expect((await bring(small, picture(1_000))).status).toBe(201);
  });

  it("is text, with what a browser would run in it only to be saved", async () => {
    const page = Buffer.from("<!doctype html><script>alert(1)</script>");
    const { body } = await bring(edge, page, { name: "x.png", type: "image/png" });
    expect(body.media_type).toBe("text/html");
    const read = await fileRequest(edge, "GET", `${filesPath}/${body.file_id}?inline=1`);
    expect(read.headers.get("content-type")).toBe("application/octet-stream");
    expect(read.headers.get("content-disposition")).toMatch(/^attachment/);
    const svg = await bring(edge, Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'), {
      name: "a.svg",
    });
    expect(svg.body.media_type).toBe("image/svg+xml");
    const drawn = await fileRequest(edge, "GET", `${filesPath}/${svg.body.file_id}?inline=1`);
    expect(drawn.headers.get("content-type")).toBe("application/octet-stream");
    const shown = await bring(edge, picture(100));
    const inline = await fileRequest(edge, "GET", `${filesPath}/${shown.body.file_id}?inline=1`);
    expect([inline.headers.get("content-disposition")?.slice(0, 6), inline.headers.get("content-type")]).toEqual([
      "inline",
      "image/png",
    ]);
  });
});

describe("ranges", () => {
  const bytes = picture(2_200_000);
  let path = "";
  let etag = "";
  beforeAll(async () => {
    const { body } = await bring(edge, bytes);
    path = `${filesPath}/${body.file_id}`;
    etag = `"${body.sha256}"`;
  });
  const get = (headers: Record<string, string>, method = "GET") => fileRequest(other, method, path, { headers });

  it.each([
    ["bytes=0-0", 0, 0],
    ["bytes=1048570-1048585", 1_048_570, 1_048_585],
    ["bytes=2199990-", 2_199_990, 2_199_999],
    ["bytes=-5", 2_199_995, 2_199_999],
    ["bytes=5-99999999", 5, 2_199_999],
    ["bytes=-99999999", 0, 2_199_999],
  ])("%s is answered with these bytes alone", async (range, from, to) => {
    const response = await get({ range });
    expect([response.status, response.headers.get("content-range")]).toEqual([206, `bytes ${from}-${to}/2200000`]);
    const got = Buffer.from(await response.arrayBuffer());
    expect(Buffer.compare(got, bytes.subarray(from, to + 1))).toBe(0);
  });

  it.each(["bytes=5-4", "bytes=0-1,4-5", "bytes=x", "lines=1-2", "bytes=-"])(
    "%s is answered with all of it",
    async (range) => {
      const response = await get({ range });
      expect(response.status).toBe(200);
      expect((await response.arrayBuffer()).byteLength).toBe(bytes.length);
    },
  );

  it.each(["bytes=2200000-", "bytes=9999999-9999999", "bytes=-0"])("%s: there are no such bytes", async (range) => {
    const response = await get({ range });
    expect([response.status, response.headers.get("content-range")]).toEqual([416, "bytes */2200000"]);
  });

  it("go by the tag: what is another file is sent whole, what the client has is not sent", async () => {
    expect((await get({ range: "bytes=0-1", "if-range": etag })).status).toBe(206);
    expect((await get({ range: "bytes=0-1", "if-range": '"other"' })).status).toBe(200);
    expect((await get({ "if-none-match": etag })).status).toBe(304);
    expect((await get({ "if-none-match": `"x", W/${etag}` })).status).toBe(304);
    expect((await get({ "if-none-match": '"x"' })).status).toBe(200);
    const head = await get({}, "HEAD");
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "2200000"]);
  });
});

describe("whoever reads slowly", () => {
  it("costs the edge a part at a time, and leaves nothing when they go", async () => {
    const bytes = picture(30_000_000);
    const { body } = await bring(edge, bytes);
    const before = await metricOf(edge, "parley_edge_file_bytes_total");
    const socket = connect(edge.port, "127.0.0.1");
    socket.pause();
    socket.write(
      `GET ${filesPath}/${body.file_id} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${await tokenOf("ann")}\r\n\r\n`,
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    const sent = (await metricOf(edge, "parley_edge_file_bytes_total")) - before;
    expect(sent).toBeLessThan(20_000_000);
    let got = 0;
    for await (const chunk of socket) {
      got += Buffer.from(chunk).length;
      if (got > bytes.length) break;
    }
    expect(got).toBeGreaterThan(bytes.length);
    socket.destroy();
  });
});
