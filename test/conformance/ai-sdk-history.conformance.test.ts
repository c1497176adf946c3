import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { openChat } from "./ai-sdk-chat.ts";
import { compared, followed, loaded, Message } from "./ai-sdk-stored.ts";
import { hasClients, runClient } from "./client-run.ts";
import { asks, startConformanceWorld, numberedWords, type ConformanceWorld } from "./world.ts";

let world: ConformanceWorld;
beforeAll(async () => {
  if (hasClients) world = await startConformanceWorld();
}, 180_000);
afterAll(async () => {
  if (hasClients) await world[Symbol.asyncDispose]();
});

const Loaded = z.object({ messages: z.array(Message) });
/** What was for the moment is not kept. */
const shownOf = (message: object): object => compared(Message.parse(message), true);

const Folded = z.looseObject({ messages: z.array(Message), faults: z.array(z.string()) });

describe.runIf(hasClients).each([5, 6, 7] as const)("the package ai %i", (major) => {
  it("makes of the streams of each answer the message that is loaded later, and takes that for valid", async () => {
    const streams = followed(major);
    const input = {
      major,
      streams: streams.map(({ chunks }) => chunks),
      chats: streams.map(({ stored }) => loaded(stored, major)),
    };
    const { messages, faults } = Folded.parse(await runClient("ai-sdk-fold", { input }).until("folded"));
    expect(messages).toHaveLength(streams.length);
    expect(faults).toEqual([]);
    for (const [index, { how, name, stored, isLive }] of streams.entries()) {
      const [own, theirs] = [loaded(stored, major)[1], messages[index]];
      expect(own && compared(own, isLive), `${name}, ${how}`).toEqual(theirs && compared(theirs, isLive));
    }
  });

  it("shows a chat that is loaded again as it was, and goes on with the answer that runs", async () => {
    const token = await world.token();
    const chat = await openChat(world, { major, url: world.url, token });
    const load = async (): Promise<Message[]> => {
      const address = `${world.url}/api/ai/chat/${chat.id}/messages?v=${major}`;
      const response = await fetch(address, { headers: { authorization: `Bearer ${token}` } });
      return Loaded.parse(await response.json()).messages;
    };
    const first = await chat.do("send", { text: asks.tool });
    expect((await load()).map(shownOf)).toEqual(first.messages.map(shownOf));
    const second = chat.begin("send", { text: asks.numbered(100, 20), marks: ["w5 "] });
    await second.shown("w5 ");
    const messages = await load();
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    const again = await openChat(world, { major, url: world.url, token, chat: chat.id, messages });
    const shown = await again.do("resume");
    expect(shown.text).toBe(numberedWords(100));
    expect(shown.messages.map(shownOf)).toEqual((await second.done).messages.map(shownOf));
    expect((await load()).map(shownOf)).toEqual(shown.messages.map(shownOf));
  });
});
