import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEdgeAlone, type EdgeAlone } from "./edge-alone.ts";

let alone: EdgeAlone;

beforeAll(async () => {
  alone = await startEdgeAlone();
});
afterAll(() => alone[Symbol.asyncDispose]());

describe("the id of a conversation", () => {
  it.each([
    ["with a Cyrillic letter", "с_anna"],
    ["with a full-width letter", "ｃ_anna"],
    ["with a zero-width space", "c_\u200banna"],
    ["with a mark that turns the text around", "c_\u202eanna"],
    ["with a byte order mark", "\ufeffc_anna"],
    ["with a soft hyphen", "c_an\u00adna"],
    ["with an accent of its own", "c_anná"],
    ["with NUL", "c_anna\0"],
    ["with a line break behind it", "c_anna\n"],
    ["with a digit of another script", "c_١"],
    ["that is a place in a subject", "c_anna.>"],
    ["that is any", "*"],
    ["that is a path", "../c_anna"],
    ["with half of a character", "c_\ud800"],
    ["that is empty", ""],
    ["that is too long", "c".repeat(129)],
  ])("%s is refused by every door, and not repeated", async (_what, id) => {
    const client = await alone.connect("anna");
    for (const type of ["subscribe", "message", "cancel", "title"]) {
      client.send({ type, id: "m1", message: "hi", title: "t", conversation_id: id });
      const answer = await client.next("error");
      expect(answer).toMatchObject({ code: "INVALID_FRAME", frame: type });
      expect(answer).not.toHaveProperty("conversation_id");
    }
    client.close();
    const path = `/api/v1/conversations/${encodeURIComponent(id.toWellFormed())}/messages`;
    const { status } = await alone.ask("anna", "GET", path);
    expect([400, 404]).toContain(status);
    const body = await alone.ask(
      "anna",
      "POST",
      "/api/v1/chat",
      JSON.stringify({ message: "hi", conversation_id: id }),
    );
    expect(body.status).toBe(400);
  });
});

describe("a user whose name looks like another's", () => {
  const anna = "josé_anna";

  it.each([
    ["with a Cyrillic letter", "josé_аnna"],
    ["with the accent apart", "jose\u0301_anna"],
    ["with a zero-width space", "josé_\u200banna"],
    ["with a zero-width joiner", "josé_anna\u200d"],
    ["with a mark that turns the text around", "\u202ejosé_anna"],
    ["with a capital", "José_anna"],
    ["with a full-width letter", "josé_ａnna"],
    ["with a space behind it", "josé_anna "],
    ["with NUL behind it", "josé_anna\0"],
    ["with a byte order mark", "\ufeffjosé_anna"],
    ["with a soft hyphen", "josé_an\u00adna"],
    ["with a tag character", "josé_anna\u{e0061}"],
    ["without the accent", "jose_anna"],
  ])("%s is somebody else", async (_what, name) => {
    const owner = await alone.connect(anna);
    owner.send({ type: "message", id: "m1", message: "hi", conversation_id: "c_hers" });
    const { conversation_id } = await owner.next("accepted");
    const other = await alone.connect(name);
    expect(other.frames.find(({ type }) => type === "auth_success")).toMatchObject({ user: { id: name } });
    other.send({ type: "subscribe", conversation_id });
    expect(await other.next("error")).toMatchObject({ code: "FORBIDDEN" });
    other.send({ type: "message", id: "m1", message: "hi", conversation_id });
    expect(await other.next("error")).toMatchObject({ code: "FORBIDDEN" });
    const list = await alone.ask(name, "GET", "/api/v1/conversations");
    expect(JSON.parse(list.text)).toEqual({ conversations: [] });
    expect((await alone.ask(name, "DELETE", `/api/v1/conversations/${conversation_id}`)).status).toBe(403);
    owner.close();
    other.close();
  });
});

describe("NUL", () => {
  it("in a text is a character as any other", async () => {
    const client = await alone.connect("nul");
    client.send({ type: "message", id: "a\0b", message: "one\0two", conversation_id: "c_nul" });
    expect(await client.next("accepted")).toMatchObject({ id: "a\0b" });
    expect(await client.next("message")).toMatchObject({ message: "one\0two" });
    client.close();
  });

  it("in a title is a space", async () => {
    const client = await alone.connect("nul");
    client.send({ type: "message", id: "m1", message: "hi", conversation_id: "c_nul_title" });
    await client.next("accepted");
    client.send({ type: "title", conversation_id: "c_nul_title", title: "\0one\0\0two\0" });
    expect(await client.next("title")).toMatchObject({ title: "one two" });
    client.close();
  });

  it("in a token is no token", async () => {
    const client = await alone.connect("nul");
    client.send({ type: "auth", token: "a.b.c\0" });
    expect(await client.next("auth_error")).toMatchObject({ code: "AUTH_INVALID" });
    expect(await client.closed).toBe(4500);
  });

  it.each([
    ["/api/v1/conversations/c%00/messages", 400],
    ["/api/v1/conversations/%00/messages", 400],
    ["/api/v1/conversations/c/messages?limit=%00", 400],
    ["/api/v1/conversations?cursor=%00", 400],
    ["/%00", 404],
    ["/ws/test%00.js", 404],
  ])("in the address %s is answered with %i", async (path, status) => {
    expect((await alone.ask("nul", "GET", path)).status).toBe(status);
  });
});
