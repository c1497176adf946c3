import { startSystem } from "@parley/testkit";
import { expect, it } from "vitest";
import { createChatWebSocket } from "../clients/chat-web-socket.ts";
import { devToken } from "./person.ts";

it("streams answers at seed B's endpoint after an `auth` frame", async () => {
  await using system = await startSystem();
  const [edge] = system.edges;
  const chat = createChatWebSocket(`ws://127.0.0.1:${edge!.port}/api/v1/async/chatbot`, await devToken(edge!, "bea"));
  const ends: string[] = [];
  let text = "";
  chat.onMessage = (token) => (text += token);
  chat.onComplete = (response) => ends.push(response);
  chat.connect();
  await chat.authenticated;
  chat.sendMessage("hello", "kept-in-local-storage");
  await expect.poll(() => ends, { timeout: 30_000 }).toHaveLength(1);
  expect(ends).toEqual([text]);
  chat.disconnect();
});
