import { startSystem, type Service } from "@parley/testkit";
import { expect, it } from "vitest";
import { z } from "zod";

const Token = z.object({ token: z.string() });
const Frame = z.looseObject({
  type: z.string(),
  turn_id: z.string().optional(),
  token: z.string().optional(),
  text: z.string().optional(),
  response: z.string().optional(),
});

interface Sent {
  readonly id: string | undefined;
  readonly frame: z.infer<typeof Frame>;
}

async function post(
  edge: Service,
  target: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`http://127.0.0.1:${edge.port}${target}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

async function authorization(edge: Service): Promise<Record<string, string>> {
  const response = await post(edge, "/api/v1/auth/dev-token", { sub: "anna" });
  return { authorization: `Bearer ${Token.parse(await response.json()).token}` };
}

/** The events of a stream, until it ends or breaks. */
async function* events(response: Response): AsyncGenerator<Sent> {
  let text = "";
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data !== undefined) yield { id: /^id: (.*)$/m.exec(block)?.[1], frame: Frame.parse(JSON.parse(data)) };
      }
    }
  } catch {
    // The edge was killed: what a reader does then is what is tested.
  }
}

it("a stream whose edge is killed goes on at another one, without a gap or a repeat", async () => {
  await using system = await startSystem({ edges: 2 });
  const [first, second] = system.edges;
  const auth = await authorization(first!);
  const body = { message: "hello\n/sim tokens=80 rate=40", conversation_id: "c_rest" };
  const headers = { ...auth, accept: "text/event-stream", "idempotency-key": "k1" };
  let text = "";
  let cursor = "";
  const take = ({ id, frame }: Sent): void => {
    cursor = id ?? cursor;
    if (frame.type === "token") text += frame.token ?? "";
    if (frame.type === "snapshot" || frame.type === "turn_restarted") text = frame.text ?? "";
  };
  let killing: Promise<unknown> | undefined;
  for await (const sent of events(await post(first!, "/api/v1/chat", body, headers))) {
    take(sent);
    if (text.length > 20) killing ??= first!.kill("SIGKILL");
  }
  await killing;
  const seen: string[] = [];
  let response: string | undefined;
  const again = await post(second!, "/api/v1/chat", body, { ...headers, "last-event-id": cursor });
  for await (const sent of events(again)) {
    take(sent);
    seen.push(sent.frame.type);
    response = sent.frame.response ?? response;
  }
  expect(seen[0]).toBe("subscribed");
  expect(seen.at(-1)).toBe("complete");
  expect(text).toBe(response);
  const repeated = await post(second!, "/api/v1/chat", body, { ...auth, "idempotency-key": "k1" });
  expect(Frame.omit({ type: true }).parse(await repeated.json()).response).toBe(response);
});

it("deletes a conversation in mid-answer: the answer stops, and nothing is left", async () => {
  await using system = await startSystem();
  const [edge] = system.edges;
  const auth = await authorization(edge!);
  const body = { message: "hello\n/sim tokens=3000 rate=30", conversation_id: "c_gone" };
  const place = `http://127.0.0.1:${edge!.port}/api/v1/conversations/c_gone`;
  const ends: string[] = [];
  let deleting: Promise<Response> | undefined;
  for await (const { frame } of events(
    await post(edge!, "/api/v1/chat", body, { ...auth, accept: "text/event-stream" }),
  )) {
    ends.push(frame.type);
    if (frame.type === "token") deleting ??= fetch(place, { method: "DELETE", headers: auth });
  }
  expect(ends.at(-1)).toBe("cancelled");
  expect((await deleting)?.status).toBe(204);
  expect((await fetch(`${place}/messages`, { headers: auth })).status).toBe(404);
});
