import type { FormQuestion } from "../tools/tool.ts";
import { createAccountSessions, type AccountSessionsOptions } from "./account-sessions.ts";
import type { ToolServer } from "./mcp-tool.ts";
import type { ListedTool } from "./session.ts";

export interface PersonalServerOptions extends AccountSessionsOptions {
  /** Under which address people reach the chat page; undefined: nobody has said. */
  readonly publicUrl: string | undefined;
}

/** A server at which each user has an account of their own: nothing is asked of it but what somebody calls, with that person's account. */
export function createPersonalServer({ publicUrl, ...options }: PersonalServerOptions) {
  const { server } = options;
  const sessions = createAccountSessions(options);
  const listed: readonly ListedTool[] = server.personal.offers.slice(0, server.limits.tools);
  const toolServer: ToolServer = {
    server,
    call: sessions.call,
    account: {
      question: questionOf(server.name, publicUrl),
      isConnected: sessions.isConnected,
    },
  };
  return { ...sessions, listed, toolServer };
}

function questionOf(server: string, publicUrl: string | undefined): FormQuestion {
  const place =
    publicUrl === undefined
      ? "in the settings of the chat page"
      : `at ${publicUrl}/?connect=${encodeURIComponent(server)}`;
  // Nothing is filled in: that it is agreed to says that it is done.
  return { summary: `Connect your account at ${server} first, ${place}, then agree.`, form: [], state: connectState };
}

/** Stands where a server's own state stands when it asks something: no server's is this, as theirs are JSON. */
const connectState = "connect";
