import { connect, type Socket } from "node:net";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { metricOf, tokenOf, type EdgeUnderTest } from "./support/edge-fixture.ts";
import { beginTus, bring, fileRequest, filesPath, picture, jsonOf } from "./support/file-client.ts";
import { createLimitedWorld, refusalsBy, type LimitedWorld } from "./support/limited-world.ts";

let world: LimitedWorld;
beforeAll(async () => {
  world = await createLimitedWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** An upload whose client sends no more. */
async function hang(edge: EdgeUnderTest, user: string): Promise<Socket> {
  const before = await metricOf(edge, "parley_edge_uploads");
  const socket = connect(edge.port, "127.0.0.1");
  const head = [
    `POST ${filesPath}?name=a.png HTTP/1.1`,
    ...["host: x", `authorization: Bearer ${await tokenOf(user)}`, "content-type: image/png", "content-length: 100000"],
  ];
  socket.on("error", () => {});
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  socket.write(picture(1_000));
  await eventually(async () => (await metricOf(edge, "parley_edge_uploads")) > before, { what: "the upload" });
  return socket;
}

describe("limits of files", () => {
  it("at once are a user's and an address's, and are free again when a client goes", async () => {
    const edge = await world.limited({ uploads_per_user: 2, uploads_per_address: 3 });
    const hanging = [await hang(edge, "ann"), await hang(edge, "ann")];
    const refused = await bring(edge, picture(100));
    expect([refused.status, refused.body.code]).toEqual([429, "RATE_LIMITED"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await bring(edge, picture(100), { user: "bob" })).status).toBe(201);
    hanging.push(await hang(edge, "bob"));
    expect((await bring(edge, picture(100), { user: "carl" })).body.code).toBe("RATE_LIMITED");
    expect([await refusalsBy(edge, "uploads_per_user"), await refusalsBy(edge, "uploads_per_address")]).toEqual([1, 1]);
    for (const socket of hanging) socket.destroy();
    await eventually(async () => (await metricOf(edge, "parley_edge_uploads")) === 0, { what: "their places" });
    expect((await bring(edge, picture(100), { user: "carl" })).status).toBe(201);
  });

  it("of new files are a rate, and going on with one is none", async () => {
    const edge = await world.limited({ new_files_per_user: { rate: 1, burst: 2 } });
    const ways = [
      await beginTus(edge, 10, { user: "dora", id: "1" }),
      await beginTus(edge, 10, { user: "dora", id: "2" }),
    ];
    expect(ways.map(({ status }) => status)).toEqual([201, 201]);
    const refused = await beginTus(edge, 10, { user: "dora", id: "3" });
    expect([refused.status, (await jsonOf(refused)).code]).toEqual([429, "RATE_LIMITED"]);
    expect((await beginTus(edge, 10, { user: "dora", id: "1" })).status).toBe(201);
    expect(await refusalsBy(edge, "new_files_per_user")).toBe(1);
  });

  it("in all hold for uploads side by side, and removing one gives room", async () => {
    const rows = {
      files_per_user: 3,
      file_bytes_per_user: 10_000,
      file_bytes_per_tenant: 1_000_000,
      uploads_per_user: 50,
    };
    const [one, other] = [await world.limited(rows), await world.limited(rows)];
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, nth) => bring(nth % 2 === 0 ? one : other, picture(1_000), { user: "emil" })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    expect(answers.filter(({ body }) => body.code === "QUOTA_EXCEEDED")).toHaveLength(5);
    const kept = answers.find(({ status }) => status === 201)?.body.file_id;
    await fileRequest(one, "DELETE", `${filesPath}/${kept}`, { user: "emil" });
    const large = await bring(other, picture(9_000), { user: "emil" });
    expect([large.status, large.body.code]).toEqual([429, "QUOTA_EXCEEDED"]);
    expect(large.body.error).toContain("Remove some files first.");
    expect((await bring(other, picture(8_000), { user: "emil" })).status).toBe(201);
  });

  it("of all files of a tenant hold for all its users", async () => {
    const edge = await world.limited({ file_bytes_per_tenant: 60_000 });
    const used = (await world.bus.files.keptBy({ user: "emil" })).bytes;
    expect(used).toBeLessThan(60_000);
    const answers = [];
    for (const user of ["f1", "f2", "f3", "f4"]) answers.push(await bring(edge, picture(20_000), { user }));
    expect(answers.at(-1)?.body).toMatchObject({
      code: "QUOTA_EXCEEDED",
      error: expect.stringContaining("organisation"),
    });
  });
});
