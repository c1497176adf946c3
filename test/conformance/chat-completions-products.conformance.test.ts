import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "./world.ts";

/**
 * Requests as products make them that are no libraries: written from what Open WebUI 0.10 to 0.11.3 sends (`routers/openai.py`, `routers/tasks.py`, `utils/headers.py`), and LibreChat 0.8
 * (`packages/api/src/endpoints/custom`, the defaults of its documentation, by way of LangChain and OpenAI's SDK).
 */

const Page = z.object({ messages: z.array(z.looseObject({ message: z.string(), status: z.string().optional() })) });
const Completion = z.looseObject({
  choices: z.tuple([z.looseObject({ message: z.looseObject({ content: z.string() }), finish_reason: z.string() })]),
});
const Chunk = z.looseObject({
  choices: z.array(z.looseObject({ delta: z.looseObject({ content: z.string().optional() }) })),
  usage: z.looseObject({ total_tokens: z.number() }).nullish(),
});
const Models = z.object({ data: z.array(z.looseObject({ id: z.string(), object: z.string() })) });

let world: ConformanceWorld;
let apiKey: string;
beforeAll(async () => {
  world = await startConformanceWorld();
  apiKey = await world.token();
}, 90_000);
afterAll(() => world[Symbol.asyncDispose]());

const user = (content: unknown) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });

const sent = (path: string, init: RequestInit = {}, headers: Record<string, string> = {}) =>
  fetch(`${world.url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json", ...headers },
  });
const complete = async (body: object, headers: Record<string, string>) => {
  const response = await sent("/v1/chat/completions", { method: "POST", body: JSON.stringify(body) }, headers);
  expect(response.status).toBe(200);
  return { text: await response.text(), conversation: response.headers.get("x-parley-conversation") ?? "" };
};
/** As Open WebUI reads it: lines that begin with `data: `. */
const chunksIn = (text: string) =>
  text
    .split("\n")
    .filter((line) => line.startsWith("data: ") && line !== "data: [DONE]")
    .map((line) => Chunk.parse(JSON.parse(line.slice("data: ".length))));
const textIn = (text: string) =>
  chunksIn(text)
    .map(({ choices }) => choices[0]?.delta.content ?? "")
    .join("");
const messagesIn = async (conversation: string) =>
  Page.parse(await (await sent(`/api/v1/conversations/${conversation}/messages`)).json()).messages;

describe("Open WebUI", () => {
  /** `{{…}}` of a connection's headers, filled in; and what ENABLE_FORWARD_USER_INFO_HEADERS adds. */
  const headersOf = (chat: string, more: { readonly task?: string; readonly message?: string } = {}) => ({
    accept: "*/*",
    "user-agent": "Python/3.11 aiohttp/3.12.15",
    "X-OpenWebUI-User-Name": "Ada%20L.",
    "X-OpenWebUI-User-Id": "b7a3c3f2-6a53-4d3d-8bb9-6c1f2b7f0f11",
    "X-OpenWebUI-User-Email": "ada@example.com",
    "X-OpenWebUI-User-Role": "admin",
    "X-OpenWebUI-Chat-Id": chat,
    ...(more.message === undefined ? {} : { "X-OpenWebUI-Message-Id": more.message }),
    ...(more.task === undefined ? {} : { "X-OpenWebUI-Task": more.task }),
  });
  const chatBody = (messages: readonly object[]) => ({ stream: true, model: "parley", messages });
  const taskBody = (prompt: string) => ({
    model: "parley",
    messages: [user(prompt)],
    stream: false,
    max_completion_tokens: 1_000,
  });
  const title =
    "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.\n### Guidelines:\n- The title should clearly represent the main theme or subject of the conversation.\n" +
    '### Output:\nJSON format: { "title": "your concise title here" }\n### Chat History:\n<chat_history>\nUSER: list all pods\nASSISTANT: Here they are.\n</chat_history>';
  const followUps =
    '### Task:\nSuggest 3-5 relevant follow-up questions or prompts that the user might naturally ask next in this conversation as a **user**.\n### Chat History:\n<chat_history>\nUSER: call the tool demo_set_counter with {"value":1}\n</chat_history>';

  test("lists models when the connection is made", async () => {
    const { data } = Models.parse(await (await sent("/v1/models")).json());
    expect(data.map(({ id }) => id)).toEqual(expect.arrayContaining(["parley", "general"]));
    expect(new Set(data.map(({ object }) => object))).toEqual(new Set(["model"]));
  });

  test("has each chat as a conversation, and its prompts about it outside of it", async () => {
    const chat = randomUUID();
    const first = await complete(
      chatBody([{ role: "system", content: "Be brief." }, user("My cat is called Miez.")]),
      headersOf(chat),
    );
    for (const [prompt, task] of [
      [title, undefined],
      [title, "title_generation"],
      [followUps, "follow_up_generation"],
      ["Any words of an own template", "tags_generation"],
    ] as const) {
      const { text, conversation } = await complete(
        taskBody(prompt),
        headersOf(chat, task === undefined ? {} : { task }),
      );
      expect(Completion.parse(JSON.parse(text)).choices[0].finish_reason).toBe("stop");
      expect(conversation).not.toBe(first.conversation);
      const [, answer] = await messagesIn(conversation);
      // Whatever stands in the history that it brings, nothing is done.
      expect(answer).toMatchObject({ status: "complete" });
      expect(answer?.["tool_calls"] ?? []).toEqual([]);
    }
    const said = textIn(first.text);
    const second = await complete(
      chatBody([user("My cat is called Miez."), assistant(said), user(asks.numbered(5))]),
      headersOf(chat, { message: randomUUID() }),
    );
    expect(second.conversation).toBe(first.conversation);
    expect((await messagesIn(first.conversation)).map(({ message }) => message)).toEqual([
      "My cat is called Miez.",
      said,
      asks.numbered(5),
      numberedWords(5),
    ]);
  });

  test("keeps a temporary chat to itself", async () => {
    const headers = headersOf("local:Fz3kq0PZq3nWv2yPAAAB");
    const [one, other] = [
      await complete(chatBody([user("Hi")]), headers),
      await complete(chatBody([user("Hi")]), headers),
    ];
    expect(one.conversation).not.toBe(other.conversation);
  });

  test("that says nothing of its chats brings them itself", async () => {
    const messages = [user("My cat is called Miez."), assistant("A nice name."), user("What did I ask before?")];
    const { text } = await complete(chatBody(messages), { accept: "*/*" });
    expect(textIn(text)).toContain("Miez");
  });
});

describe("LibreChat", () => {
  const headers = {
    accept: "application/json",
    "user-agent": "OpenAI/JS 5.12.2",
    "x-stainless-lang": "js",
    "x-stainless-retry-count": "0",
    "x-stainless-timeout": "600",
  };
  const defaults = {
    temperature: 1,
    top_p: 1,
    presence_penalty: 0,
    frequency_penalty: 0,
    user: "66f0c0ffee0000000000abcd",
  };

  test("brings its own history, with its defaults", async () => {
    const messages = [
      { role: "system", content: "You are helpful.", name: "instructions" },
      user([{ type: "text", text: "My cat is called Miez." }]),
      { role: "assistant", content: "A nice name.", name: "Parley" },
      user([{ type: "text", text: "What did I ask before?" }]),
    ];
    const { text } = await complete(
      { model: "parley", ...defaults, stream: true, stream_options: { include_usage: true }, messages },
      headers,
    );
    expect(textIn(text)).toContain("Miez");
    expect(chunksIn(text).at(-1)?.usage?.total_tokens).toBeGreaterThan(0);
  });

  test("asks for a title as for any answer", async () => {
    const prompt =
      "Provide a concise, 5-word-or-less title for the conversation, using title case conventions. Only return the title itself.\n\nConversation:\nUser: Hello\nAI: Hi";
    const { text } = await complete({ model: "parley", stream: false, messages: [user(prompt)] }, headers);
    expect(Completion.parse(JSON.parse(text)).choices[0].message.content).not.toBe("");
  });

  test("has one conversation where its header names it", async () => {
    const named = { ...headers, "x-parley-conversation": randomUUID() };
    const first = await complete({ model: "parley", stream: true, messages: [user("My cat is called Miez.")] }, named);
    const second = await complete({ model: "parley", stream: true, messages: [user("What did I ask before?")] }, named);
    expect(second.conversation).toBe(first.conversation);
    expect(textIn(second.text)).toContain("Miez");
  });
});
