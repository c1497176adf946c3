import type { Conversation } from "@parley/client";
import type { Api } from "../api/api.ts";

/** What is done in a room. Promises reject with a sentence of the server's; the others are not answered. */
export interface RoomWays {
  readonly edit: (messageId: string, message: string) => Promise<void>;
  readonly remove: (messageId: string) => Promise<void>;
  readonly react: (messageId: string, reaction: string, on: boolean) => Promise<void>;
  readonly pin: (messageId: string, on: boolean) => Promise<void>;
  readonly markRead: (messageId: string) => void;
  readonly typing: (on: boolean) => void;
}

export function roomWays({ id }: Conversation, api: Api): RoomWays {
  return {
    edit: (messageId, message) => api.editMessage(id, messageId, message),
    remove: (messageId) => api.deleteMessage(id, messageId),
    react: (messageId, reaction, on) => api.reactToMessage(id, messageId, reaction, on),
    pin: (messageId, on) => api.pinMessage(id, messageId, on),
    markRead: (messageId) => void api.markRead(id, messageId).catch(() => undefined),
    typing: () => undefined,
  };
}
