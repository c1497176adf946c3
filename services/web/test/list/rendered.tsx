import { act, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { onTestFinished } from "vitest";
import type { ConversationEntries, ConversationEntry } from "../../src/api/answers.ts";
import type { Api } from "../../src/api/api.ts";
import type { MessageHit } from "../../src/api/memory-calls.ts";
import { ApiProvider } from "../../src/api/use-api.ts";

declare global {
  /** React asks for it: tests say when effects have run. */
  var IS_REACT_ACT_ENVIRONMENT: boolean;
}

let rendered = 0;

/** Renders into the document, until the test has ended. */
export async function render(node: ReactNode) {
  rendered += 1;
  globalThis.IS_REACT_ACT_ENVIRONMENT = true;
  const place = document.createElement("div");
  document.body.append(place);
  const root = createRoot(place);
  await act(async () => root.render(node));
  onTestFinished(async () => {
    await act(async () => root.unmount());
    place.remove();
    rendered -= 1;
    globalThis.IS_REACT_ACT_ENVIRONMENT = rendered > 0;
  });
  return { place, again: (other: ReactNode) => act(async () => root.render(other)) };
}

/** The list of a server, as the page may ask for it. */
export function createFakeList(entries: ConversationEntry[]) {
  const server = {
    entries,
    problem: undefined as Error | undefined,
    hits: [] as MessageHit[],
    asked: [] as string[],
    deleted: [] as string[],
    renamed: [] as [string, string][],
  };
  const attempt = (): void => {
    if (server.problem !== undefined) throw server.problem;
  };
  const api: Partial<Api> = {
    searchMessages: async (q) => server.hits.filter(({ excerpt }) => excerpt.text.includes(q)),
    listConversations: async ({ q = "" } = {}): Promise<ConversationEntries> => {
      server.asked.push(q);
      attempt();
      return { conversations: server.entries.filter(({ title }) => title.toLowerCase().includes(q)) };
    },
    renameConversation: async (id, title) => {
      attempt();
      server.renamed.push([id, title]);
      server.entries = server.entries.map((one) => (one.conversation_id === id ? { ...one, title } : one));
      return title;
    },
    deleteConversation: async (id) => {
      attempt();
      server.deleted.push(id);
      server.entries = server.entries.filter((one) => one.conversation_id !== id);
    },
  };
  return { server, provide: (node: ReactNode) => <ApiProvider value={api as Api}>{node}</ApiProvider> };
}
