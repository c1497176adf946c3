import type { ChatWords } from "./chat.en.ts";

export const chatDe: ChatWords = {
  messages: "Nachrichten",
};
