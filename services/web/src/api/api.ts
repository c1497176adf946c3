import {
  isAgentOffer,
  isConnection,
  isEntry,
  isMe,
  isMessageChanges,
  isModelOffer,
  isOpenApproval,
  isQuestion,
  isSignIn,
  isStoredMessage,
  isWholeResult,
  listIn,
  oneOf,
  textIn,
  type ApprovalQuestion,
  type ConnectionEntry,
  type ConversationEntries,
  type Me,
  type MessagePage,
  type Offers,
  type OpenApproval,
  type SignInEntry,
  type WholeResult,
} from "./answers.ts";
import { ApiError, fieldsOf, ownError } from "./api-error.ts";
import type { FileCalls } from "./file-calls.ts";
import { handoverCalls, type HandoverCalls } from "./handovers.ts";
import type { Http } from "./http.ts";
import { memoryCalls, type MemoryApi } from "./memory-calls.ts";
import { noticeCalls, type NoticeApi } from "./notice-calls.ts";
import { peopleCalls, type PeopleCalls } from "./people-calls.ts";

export interface Decision {
  readonly approved: boolean;
  readonly reason?: string;
  readonly confirm?: string;
  readonly like_ms?: number;
  readonly content?: Readonly<Record<string, unknown>>;
}

/** What the page asks over HTTP. Everything throws `ApiError`. */
export interface Api extends HandoverCalls, MemoryApi, NoticeApi, PeopleCalls {
  /** Undefined: messages are of text alone here. */
  readonly files?: FileCalls | undefined;
  /** The caller's conversations, newest first; with `q` those whose titles or beginnings have its words. */
  readonly listConversations: (query?: {
    readonly cursor?: string | undefined;
    readonly q?: string | undefined;
    readonly signal?: AbortSignal;
  }) => Promise<ConversationEntries>;
  readonly renameConversation: (id: string, title: string) => Promise<string>;
  readonly deleteConversation: (id: string) => Promise<void>;
  /** A page of the transcript, the newest without `before`: of the branch of the newest turn, or of the one that is named. */
  readonly messages: (id: string, before?: string, of?: BranchName) => Promise<MessagePage>;
  readonly wholeResult: (conversationId: string, callId: string) => Promise<WholeResult>;
  readonly feedback: (
    conversationId: string,
    messageId: string,
    said: { readonly rating: "up" | "down" | null; readonly comment?: string },
  ) => Promise<void>;
  /** What the caller may use; nothing to choose from where the server does not say. */
  readonly agents: () => Promise<Offers>;
  /** What waits for the word of somebody who approves for others. 403 for everybody else. */
  readonly openApprovals: () => Promise<readonly OpenApproval[]>;
  readonly approval: (conversationId: string, callId: string) => Promise<ApprovalQuestion>;
  readonly decide: (conversationId: string, callId: string, decision: Decision) => Promise<void>;
  readonly me: () => Promise<Me>;
  readonly signIns: () => Promise<readonly SignInEntry[]>;
  readonly endSignIn: (id: string) => Promise<void>;
  readonly endAllSignIns: () => Promise<void>;
  /** Of an older server there are none. */
  readonly connections: () => Promise<readonly ConnectionEntry[]>;
  /** Where the person allows it, on a page of somebody else's. */
  readonly connect: (server: string) => Promise<string>;
  readonly disconnect: (server: string) => Promise<void>;
}

/** What leads to a turn, or the newest branch through one. */
export type BranchName = { readonly leaf?: string } | { readonly branch?: string };

/** In one page of the list: a screen and a half. */
const listLimit = 40;
const messagesLimit = 50;

export function createApi(http: Http, files?: FileCalls): Api {
  return {
    files,
    ...conversationCalls(http),
    ...answerCalls(http),
    ...approvalCalls(http),
    ...accountCalls(http),
    ...memoryCalls(http),
    ...noticeCalls(http),
    ...handoverCalls(http),
    ...peopleCalls(http),
  };
}

/** Below one conversation; ids are made of anything that fits a subject. */
function inside(id: string, ...rest: readonly string[]): string {
  return ["/api/v1/conversations", id, ...rest].map((part, i) => (i === 0 ? part : encodeURIComponent(part))).join("/");
}

function conversationCalls(http: Http) {
  return {
    listConversations: async ({ cursor, q, signal }: Parameters<Api["listConversations"]>[0] = {}) => {
      const query = new URLSearchParams({ limit: String(listLimit) });
      if (cursor !== undefined) query.set("cursor", cursor);
      if (q !== undefined && q !== "") query.set("q", q);
      const answer = await http(`/api/v1/conversations?${query}`, { signal });
      const next = textIn(answer, "next_cursor");
      const conversations = listIn(answer, "conversations", isEntry);
      return { conversations, ...(next === undefined ? {} : { next_cursor: next }) };
    },
    renameConversation: async (id: string, title: string) =>
      textIn(await http(inside(id, "title"), { method: "PUT", body: { title } }), "title") ?? title,
    deleteConversation: async (id: string) => {
      await http(inside(id), { method: "DELETE" });
    },
  };
}

function answerCalls(http: Http) {
  return {
    messages: async (id: string, before?: string, of: BranchName = {}) => {
      const query = new URLSearchParams({ limit: String(messagesLimit), knows: "unknown", ...of });
      if (before !== undefined) query.set("before", before);
      const answer = await http(`${inside(id, "messages")}?${query}`);
      const [title, next] = [textIn(answer, "title"), textIn(answer, "before")];
      const hasChanges = fieldsOf(answer)["changes"] !== undefined;
      return {
        messages: listIn(answer, "messages", isStoredMessage),
        ...(hasChanges ? { changes: listIn(answer, "changes", isMessageChanges) } : {}),
        ...(title === undefined ? {} : { title }),
        ...(next === undefined ? {} : { before: next }),
      };
    },
    wholeResult: async (conversationId: string, callId: string) =>
      oneOf(await http(`${inside(conversationId, "results", callId)}?knows=unknown`), isWholeResult),
    feedback: async (conversationId: string, messageId: string, said: Parameters<Api["feedback"]>[2]) => {
      await http(inside(conversationId, "messages", messageId, "feedback"), { method: "PUT", body: said });
    },
    agents: async (): Promise<Offers> => {
      try {
        const answer = await http("/api/v1/agents");
        const { model, cluster } = fieldsOf(fieldsOf(answer)["simulated"]);
        const simulated = { model: model === true, cluster: cluster === true };
        return {
          agents: listIn(answer, "agents", isAgentOffer),
          models: listIn(answer, "models", isModelOffer),
          simulated,
        };
      } catch (thrown) {
        // An older server does not say; a caller may have no right to choose.
        if (thrown instanceof ApiError && (thrown.status === 404 || thrown.status === 403)) return nothingOffered;
        throw thrown;
      }
    },
  };
}

const nothingOffered: Offers = { agents: [], models: [], simulated: { model: false, cluster: false } };

function approvalCalls(http: Http) {
  return {
    openApprovals: async () => listIn(await http("/api/v1/approvals"), "approvals", isOpenApproval),
    approval: async (conversationId: string, callId: string) =>
      oneOf(await http(inside(conversationId, "approvals", callId)), isQuestion),
    decide: async (conversationId: string, callId: string, decision: Decision) => {
      await http(inside(conversationId, "approvals", callId), { method: "POST", body: decision });
    },
  };
}

function connectionPath(server: string): string {
  return `/api/v1/connections/${encodeURIComponent(server)}`;
}

function accountCalls(http: Http) {
  return {
    me: async () => oneOf(await http("/api/v1/auth/me"), isMe),
    signIns: async () => listIn(await http("/api/v1/auth/sessions"), "sessions", isSignIn),
    endSignIn: async (id: string) => {
      await http(`/api/v1/auth/sessions/${encodeURIComponent(id)}`, { method: "DELETE" });
    },
    endAllSignIns: async () => {
      await http("/api/v1/auth/sessions", { method: "DELETE" });
    },
    connections: async () => {
      try {
        return listIn(await http("/api/v1/connections"), "connections", isConnection);
      } catch (thrown) {
        if (thrown instanceof ApiError && (thrown.status === 404 || thrown.status === 403)) return [];
        throw thrown;
      }
    },
    connect: async (server: string) => {
      const url = textIn(await http(connectionPath(server), { method: "POST" }), "url") ?? "";
      // It becomes a link of this page.
      if (!/^https?:\/\//.test(url)) throw ownError("UNREADABLE");
      return url;
    },
    disconnect: async (server: string) => {
      await http(connectionPath(server), { method: "DELETE" });
    },
  };
}
