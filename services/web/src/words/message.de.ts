import type { MessageWords } from "./message.en.ts";

export const messageDe: MessageWords = {
  you: "Sie",
};
