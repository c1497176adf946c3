import { messageIdOf, type TurnRequest } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, request } from "./support/http-client.ts";

let world: World;
let edges: readonly [EdgeUnderTest, EdgeUnderTest];

beforeAll(async () => {
  world = await createWorld();
  edges = [await world.addEdge(), await world.addEdge()];
});
afterAll(() => world[Symbol.asyncDispose]());

const user = (content: string) => ({ role: "user", content });

async function turnIn(conversation: string, is: (turn: TurnRequest) => boolean): Promise<TurnRequest> {
  return eventually(
    async () => (await world.bus.turns.waiting(conversation)).map(({ request: turn }) => turn).find(is),
    { what: "the turn" },
  );
}

/** A message of a client that keeps its conversation itself; with a response it has ended. */
async function asked(body: object, response?: string): Promise<TurnRequest> {
  const leaving = new AbortController();
  const whole = { model: "parley", stream: true, ...body };
  const answer = await request(edges[0], "POST", "/v1/chat/completions", { body: whole, signal: leaving.signal });
  const [conversation, id] = ["x-parley-conversation", "x-parley-turn"].map((name) => answer.headers.get(name) ?? "");
  const turn = await turnIn(conversation ?? "", ({ turn_id }) => turn_id === id);
  if (response !== undefined) await world.worker.take(turn.conversation_id, turn.turn_id).complete(response);
  leaving.abort();
  return turn;
}

function again({ conversation_id, turn_id }: TurnRequest, key: string, edge = edges[1]) {
  const body = { message_id: messageIdOf(turn_id, "assistant"), on_busy: "interrupt" };
  const headers = { "idempotency-key": key, prefer: "respond-async" };
  return ask(edge, "POST", `/api/v1/conversations/${conversation_id}/regenerate`, { body, headers });
}

it("an answer once more is one to all that its client brought with the message", async () => {
  const messages = [{ role: "system", content: "Be brief." }, user("One"), { role: "assistant", content: "1" }];
  const tools = [{ type: "function", function: { name: "look", description: "Looks.", parameters: {} } }];
  const first = await asked({ messages: [...messages, user("Two")], tools, temperature: 0.5 });
  expect(first.given).toMatchObject({ messages: [...messages, user("Two")], tools: [{ name: "look" }] });
  void again(first, "a1");
  const second = await turnIn(first.conversation_id, ({ supersedes }) => supersedes === first.turn_id);
  expect(second).toMatchObject({ message: "Two", parent: null });
  expect(second.given).toEqual(first.given);
  // Of that one once more, too, and by a message that comes twice.
  void again(second, "a2");
  void again(second, "a2", edges[0]);
  const third = await turnIn(first.conversation_id, ({ supersedes }) => supersedes === second.turn_id);
  expect(third.given).toEqual(first.given);
});

it("is refused where the client brought more than is kept", async () => {
  const first = await asked({ messages: [user("x".repeat(40_000)), user("Two")] });
  const { status, body } = await again(first, "b1");
  expect([status, body]).toMatchObject([409, { code: "CONFLICT", error: expect.stringContaining("that client") }]);
});
