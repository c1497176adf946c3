import type { Http } from "./http.ts";

/** What is done to a message after it was written. What follows from it comes as an event. Everything throws `ApiError`. */
export interface MessageCalls {
  readonly editMessage: (id: string, messageId: string, message: string) => Promise<void>;
  readonly deleteMessage: (id: string, messageId: string) => Promise<void>;
  readonly reactToMessage: (id: string, messageId: string, reaction: string, on: boolean) => Promise<void>;
  readonly pinMessage: (id: string, messageId: string, on: boolean) => Promise<void>;
  readonly markRead: (id: string, messageId: string) => Promise<void>;
}

export function messageCalls(http: Http): MessageCalls {
  const at = (id: string, ...rest: readonly string[]): string =>
    ["/api/v1/conversations", ...[id, ...rest].map(encodeURIComponent)].join("/");
  const switches = (on: boolean) => ({ method: on ? ("PUT" as const) : ("DELETE" as const) });
  return {
    editMessage: async (id, messageId, message) =>
      void (await http(at(id, "messages", messageId), { method: "PATCH", body: { message } })),
    deleteMessage: async (id, messageId) => void (await http(at(id, "messages", messageId), { method: "DELETE" })),
    reactToMessage: async (id, messageId, reaction, on) =>
      void (await http(at(id, "messages", messageId, "reactions", reaction), switches(on))),
    pinMessage: async (id, messageId, on) => void (await http(at(id, "messages", messageId, "pin"), switches(on))),
    markRead: async (id, messageId) =>
      void (await http(at(id, "read"), { method: "POST", body: { message_id: messageId } })),
  };
}
