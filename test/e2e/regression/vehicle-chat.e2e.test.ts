import { createHmac } from "node:crypto";
import { startSystem, type System } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createChatWebSocket, type ChatWebSocket, type Metadata } from "../../clients/chat-web-socket.ts";
import { devToken } from "../person.ts";

/** What the server of seed C did wrong, each as what is right. */

let system: System;
let url: string;

beforeAll(async () => {
  system = await startSystem();
  url = `ws://127.0.0.1:${system.edges[0]!.port}/ws/chat`;
});
afterAll(() => system[Symbol.asyncDispose]());

interface Heard {
  /** Steps and tokens, as they came. */
  readonly events: string[];
  readonly tokens: string[];
  readonly partials: string[];
  readonly ends: { response: string; metadata: Metadata }[];
  readonly errors: string[];
}

async function open(user: string): Promise<{ chat: ChatWebSocket; heard: Heard }> {
  const chat = createChatWebSocket(url, await devToken(system.edges[0]!, user));
  const heard: Heard = { events: [], tokens: [], partials: [], ends: [], errors: [] };
  chat.onProgress = (step) => heard.events.push(step);
  chat.onMessage = (token, partial) => {
    heard.events.push("token");
    heard.tokens.push(token);
    heard.partials.push(partial);
  };
  chat.onComplete = (response, metadata) => heard.ends.push({ response, metadata });
  chat.onError = (error, code) => heard.errors.push(`${code}: ${error}`);
  chat.connect();
  await chat.authenticated;
  return { chat, heard };
}

async function askAs(user: string, message: string, session?: string): Promise<Heard> {
  const { chat, heard } = await open(user);
  chat.sendMessage(message, session);
  await expect.poll(() => heard.ends.length + heard.errors.length, { timeout: 30_000 }).toBe(1);
  chat.disconnect();
  return heard;
}

function sign(claims: object): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${body}.${createHmac("sha256", system.jwtSecret).update(body).digest("base64url")}`;
}

describe("a token", () => {
  const exp = Math.floor(Date.now() / 1_000) + 600;

  it("that is valid works", async () => {
    const chat = createChatWebSocket(url, sign({ sub: "carla", email: "carla@example.org", name: "Carla", exp }));
    chat.connect();
    expect(await chat.authenticated).toEqual({ id: "carla", email: "carla@example.org", name: "Carla" });
    chat.disconnect();
  });

  it("that is for refreshing does not", async () => {
    const chat = createChatWebSocket(url, sign({ sub: "carla", exp, type: "refresh" }));
    const errors: string[] = [];
    chat.onError = (error) => errors.push(error);
    chat.connect();
    await expect.poll(() => errors).toEqual(["The token is not valid."]);
  });
});

describe("an answer", () => {
  it("is streamed token by token, and its end has all of them", async () => {
    const { tokens, partials, ends } = await askAs("carla", "hello\n/sim tokens=40 rate=60");
    expect(tokens.length).toBeGreaterThan(5);
    expect(ends[0]?.response).toBe(tokens.join(""));
    expect(partials).toEqual(tokens.map((_, i) => tokens.slice(0, i + 1).join("")));
  });

  it("is announced step by step, when the work begins, and only the work that is done", async () => {
    const { events } = await askAs("carla", "hello");
    expect(events.filter((event, i) => event !== events[i - 1])).toEqual([
      "starting",
      "agent_routing",
      "generating",
      "token",
    ]);
  });

  it("names the documents that it was made from, and a confidence that depends on the question", async () => {
    const sure = (await askAs("carla", "What is the engine power?")).ends[0]?.metadata;
    const other = (await askAs("carla", "My brakes squeak a little, perhaps, what is wrong?")).ends[0]?.metadata;
    expect(sure?.context.sources.join()).toMatch(/engine/i);
    expect(other?.confidence).not.toBe(sure?.confidence);
  });

  it("knows what was said before in its session, on another connection too", async () => {
    await askAs("carla", "Remember the number seventeen.", "memory");
    const again = await askAs("carla", "What was the first thing I asked?", "memory");
    expect(again.ends[0]?.response).toContain("seventeen");
  });

  it("knows nothing of another user's session of the same name", async () => {
    await askAs("carla", "My secret is a blue whale.", "python-session-1");
    const stranger = await askAs("doro", "What was the first thing I asked?", "python-session-1");
    expect(stranger.ends[0]?.response).not.toContain("whale");
  });

  it("that fails says so in a sentence, without what the model's server said", async () => {
    const { errors, ends } = await askAs("carla", "hello\n/sim status=401");
    expect(ends).toEqual([]);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/^[A-Z_]+: [A-Z][^{}<>\n]*\.$/);
    expect(errors[0]).not.toMatch(/401|simulat|http|Error:|at /i);
  });
});

describe("many sockets", () => {
  it("of one user, opened at the same moment, do not overwrite each other", async () => {
    const counts = Array.from({ length: 8 }, (_, i) => i + 3);
    const answers = await Promise.all(counts.map((count) => askAs("carla", `hello\n/sim tokens=${count} rate=0`)));
    expect(answers.map(({ ends }) => ends[0]?.response.split(" ").length)).toEqual(counts);
  });
});
