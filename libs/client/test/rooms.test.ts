import { createServer, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { createRooms, members, reactionsOf, readersOf, repliesTo, typingUsers } from "@parley/client/rooms";
import { createView, foldFrame, foldSignal, SnapshotFrame } from "@parley/protocol";
import { expect, test } from "vitest";

interface Asked {
  readonly line: string;
  readonly token: string | undefined;
  readonly body: unknown;
}

/** A server that answers each request with the same. */
async function startServer(status: number, answer: unknown) {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void readOf(request).then((body) => {
      asked.push({ line: `${request.method} ${request.url}`, token: request.headers.authorization, body });
      response.writeHead(status).end(typeof answer === "string" ? answer : JSON.stringify(answer));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    asked,
    options: { server: `http://127.0.0.1:${address.port}`, getToken: () => "secret" },
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function readOf(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const piece of request) text += String(piece);
  return text === "" ? undefined : JSON.parse(text);
}

test("each request names what it is about, and brings the token", async () => {
  await using server = await startServer(200, { conversation_id: "c1", invite_id: "i1", invite: "c1.secret" });
  const rooms = createRooms(server.options);
  await rooms.addMember("c/1", { user_id: "ann", role: "writer" });
  await rooms.setRole("c1", "~issuer~ann", "owner");
  await rooms.leave("c1", "me");
  expect(await rooms.invite("c1", { role: "reader", uses: 3 })).toEqual({ invite_id: "i1", invite: "c1.secret" });
  await rooms.revokeInvite("c1", "i1");
  expect(await rooms.join({ invite: "c1.secret" })).toBe("c1");
  await rooms.setRules("c1", { answers: "mention" });
  expect(server.asked.map(({ line }) => line)).toEqual([
    "POST /api/v1/conversations/c%2F1/members",
    "PATCH /api/v1/conversations/c1/members/~issuer~ann",
    "DELETE /api/v1/conversations/c1/members/me",
    "POST /api/v1/conversations/c1/invites",
    "DELETE /api/v1/conversations/c1/invites/i1",
    "POST /api/v1/conversations/join",
    "PATCH /api/v1/conversations/c1/room",
  ]);
  expect(server.asked.every(({ token }) => token === "Bearer secret")).toBe(true);
  expect(server.asked.map(({ body }) => body)).toEqual([
    { user_id: "ann", role: "writer" },
    { role: "owner" },
    undefined,
    { role: "reader", uses: 3 },
    undefined,
    { invite: "c1.secret" },
    { answers: "mention" },
  ]);
});

test("members that a newer server describes otherwise are left out", async () => {
  const ann = { id: "ann", role: "owner", since: 1 };
  await using server = await startServer(200, { members: [ann, { group: "all" }], invites: [{}] });
  expect(await createRooms(server.options).members("c1")).toEqual({ members: [ann], invites: [] });
});

test("a refusal is the server's error, and a page of a proxy is one too", async () => {
  const refused = { error: "Hand it over first.", code: "CONFLICT", retryable: false };
  await using server = await startServer(409, refused);
  await expect(createRooms(server.options).leave("c1", "me")).rejects.toMatchObject({
    code: "CONFLICT",
    message: "Hand it over first.",
    retryable: false,
  });
  await using proxy = await startServer(502, "<html>");
  await expect(createRooms(proxy.options).members("c1")).rejects.toMatchObject({ code: "HTTP_502", retryable: true });
  const away = createRooms({ server: "http://127.0.0.1:1" });
  await expect(away.members("c1")).rejects.toMatchObject({ code: "OVERLOADED", retryable: true });
});

const said = (turn: string, more: object = {}) => ({
  message_id: `${turn}-u`,
  turn_id: turn,
  author: { role: "user", id: "u1" },
  message: turn,
  status: "complete",
  ts: 0,
  ...more,
});
const ann = { id: "ann", name: "Ann" };
const bob = { id: "bob" };

function viewOf() {
  const room = { n: 1, owner: ann, members: [{ ...ann, role: "owner", since: 0 }], member_count: 2, answers: "never" };
  const frame = SnapshotFrame.parse({
    type: "snapshot",
    conversation_id: "c1",
    seq: 1,
    status: "idle",
    ts: 0,
    messages: [said("t1"), said("t2", { reply_to: "t1-u" }), said("t3")],
    room: { ...room, agents: [], pins: [] },
    changes: [{ message_id: "t1-u", n: 1, reactions: [{ reaction: "👍", by: [bob] }] }],
    reads: [
      { user: ann, message_id: "t3-u", ts: 1 },
      { user: bob, message_id: "t1-u", ts: 1 },
    ],
  });
  return foldFrame(createView("c1"), frame);
}

test("a view shows members, reactions, replies, and who has read on until where", () => {
  const view = viewOf();
  expect(members(view)).toMatchObject([{ id: "ann", role: "owner" }]);
  expect(reactionsOf(view, "t1-u")).toEqual([{ reaction: "👍", by: [bob] }]);
  expect(reactionsOf(view, "t2-u")).toEqual([]);
  expect(repliesTo(view, "t1-u").map(({ message_id }) => message_id)).toEqual(["t2-u"]);
  expect(readersOf(view, "t1-u")).toEqual([ann, bob]);
  expect(readersOf(view, "t2-u")).toEqual([ann]);
  expect(readersOf(view, "unknown")).toEqual([]);
});

test("who writes is told without oneself", () => {
  const view = foldSignal(viewOf(), { type: "typing", conversation_id: "c1", users: [ann, bob] });
  expect(typingUsers(view, "ann")).toEqual([bob]);
  expect(typingUsers(view)).toBe(view.typing);
});

test("who is alone in a conversation has nobody to show", () => {
  const view = createView("c1");
  expect([
    members(view),
    typingUsers(view),
    readersOf(view, "m"),
    reactionsOf(view, "m"),
    repliesTo(view, "m"),
  ]).toEqual([[], [], [], [], []]);
});
