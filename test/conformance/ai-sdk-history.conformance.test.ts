import { describe, expect, it } from "vitest";
import { z } from "zod";
import { compared, followed, loaded, Message } from "./ai-sdk-stored.ts";
import { hasClients, runClient } from "./client-run.ts";

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
});
