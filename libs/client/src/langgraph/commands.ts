import { ChatError, pendingApprovals, type ConversationView } from "@parley/protocol/fold";
import type { Conversation, SendOptions } from "../conversation-handle.ts";
import type { ApproveOptions } from "../requests.ts";
import type { Following } from "./following.ts";
import type { Command, CommandResponse, ErrorCode, ErrorResponse } from "./protocol.ts";

/** What commands are done with. */
export interface Thread {
  readonly conversation: Conversation;
  readonly following: Following;
}

type Result = Record<string, unknown>;
type Fields = Readonly<Record<string, unknown>>;

/** Why a command is not done, in the words of the protocol. */
class CommandError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Does a command. Never rejects: what went wrong is the answer. */
export async function obey(thread: Thread, { id, method, params }: Command): Promise<CommandResponse | ErrorResponse> {
  try {
    const work = commands[method];
    if (work === undefined) throw new CommandError("unknown_command", `Parley does not know ${method}.`);
    return { type: "success", id, result: await work(thread, fieldsIn(params)) };
  } catch (error) {
    const message = error instanceof Error ? error.message : "The command could not be done.";
    return { type: "error", id, error: codeOf(error), message };
  }
}

const commands: Readonly<Record<string, (thread: Thread, params: Fields) => Promise<Result> | Result>> = {
  "run.start": startRun,
  "input.respond": respond,
  "input.inject": async (thread, params) => start(thread, textIn(fieldsIn(params["message"])), {}),
  "agent.getTree": ({ conversation }) => ({
    tree: { namespace: [], status: statusOf(conversation.view), graph_name: "parley" },
  }),
  "state.get": ({ following }) => ({ values: following.state() }),
  "state.listCheckpoints": () => ({ checkpoints: [] }),
  "state.fork": () => {
    throw new CommandError("not_supported", "Parley has no checkpoints to go on from.");
  },
};

function codeOf(error: unknown): ErrorCode {
  if (error instanceof CommandError) return error.code;
  if (!(error instanceof ChatError)) return "unknown_error";
  if (error.code === "FORBIDDEN") return "permission_denied";
  return error.code === "INVALID_FRAME" || error.code === "MESSAGE_TOO_LARGE" ? "invalid_argument" : "unknown_error";
}

/** How a run that is under way is dealt with, by the SDK's names for it. */
const onBusy: Readonly<Record<string, SendOptions["on_busy"]>> = {
  enqueue: "enqueue",
  interrupt: "interrupt",
  reject: "reject",
};

function startRun(thread: Thread, params: Fields): Promise<Result> {
  const message = lastMessage(fieldsIn(params["input"])["messages"]);
  const configurable = fieldsIn(fieldsIn(params["config"])["configurable"]);
  if (configurable["checkpoint_id"] !== undefined) {
    throw new CommandError("not_supported", "Parley has no checkpoints to go on from.");
  }
  const strategy = params["multitask_strategy"] ?? params["multitaskStrategy"] ?? "enqueue";
  const on_busy = typeof strategy === "string" ? onBusy[strategy] : undefined;
  if (on_busy === undefined)
    throw new CommandError("not_supported", "Parley cannot undo a run: enqueue, interrupt or reject.");
  const { assistant_id: agent } = params;
  const { model } = configurable;
  const { id } = message;
  return start(thread, textIn(message), {
    ...(on_busy === "enqueue" ? {} : { on_busy }),
    ...(typeof agent === "string" && agent !== routedAgent ? { agent } : {}),
    ...(typeof model === "string" ? { model } : {}),
    // The same message that is sent again is the same run.
    ...(typeof id === "string" && id !== "" ? { id } : {}),
  });
}

/** The SDK wants an assistant for each thread. This one leaves it to Parley who answers. */
const routedAgent = "auto";

async function start({ conversation }: Thread, text: string, options: SendOptions): Promise<Result> {
  const { turn_id } = await conversation.send(text, options);
  return { run_id: turn_id };
}

/** Parley has what was said before. */
function lastMessage(messages: unknown): Fields {
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : messages;
  if (typeof last === "string") return { content: last };
  const message = fieldsIn(last);
  const { type, role } = message;
  const isHuman =
    [type, role].some((who) => who === "human" || who === "user") || typeof message["getType"] === "function";
  if (!isHuman) throw new CommandError("invalid_argument", "The last of input.messages has to be a human message.");
  return message;
}

function textIn({ content }: Fields): string {
  const blocks: unknown[] = Array.isArray(content) ? content : [content];
  const texts = blocks.map((block) => (typeof block === "string" ? block : fieldsIn(block)["text"]));
  if (texts.length > 0 && texts.every((text) => typeof text === "string")) return texts.join("");
  throw new CommandError("invalid_argument", "Parley takes messages of text.");
}

async function respond({ conversation }: Thread, params: Fields): Promise<Result> {
  if (params["update"] !== undefined || params["goto"] !== undefined) {
    throw new CommandError("not_supported", "A decision of Parley changes nothing else of the state.");
  }
  const { responses } = params;
  const entries = (Array.isArray(responses) ? responses : [params]).map(fieldsIn);
  const pending = new Set(pendingApprovals(conversation.view).map(({ call }) => call.call_id));
  const decisions = entries.map(({ interrupt_id, response }) => {
    if (typeof interrupt_id !== "string" || !pending.has(interrupt_id)) {
      throw new CommandError("no_such_interrupt", "Nothing waits under this interrupt_id.");
    }
    return { interrupt_id, ...decisionIn(response) };
  });
  await Promise.all(
    decisions.map(({ interrupt_id, approved, ...options }) => conversation.approve(interrupt_id, approved, options)),
  );
  return {};
}

interface Decision extends ApproveOptions {
  readonly approved: boolean;
}

const agreed = new Set<unknown>(["approve", "accept", true]);
const refused = new Set<unknown>(["reject", "ignore", false]);

/** A word, `{approved}`, or one of the shapes of LangChain's own middleware: `{type}` or `{decisions: [{type}]}`. */
function decisionIn(response: unknown): Decision {
  const { decisions } = fieldsIn(response);
  const only: unknown = Array.isArray(decisions) && decisions.length === 1 ? decisions[0] : response;
  const said = fieldsIn(only);
  const word = typeof only === "object" ? (said["approved"] ?? said["type"]) : only;
  const approved = agreed.has(word);
  if (!approved && !refused.has(word)) {
    throw new CommandError("invalid_argument", "The response has to say approved: true or false.");
  }
  const reason = said["reason"] ?? said["message"];
  const { confirm, like, content } = said;
  return {
    approved,
    ...(typeof reason === "string" ? { reason } : {}),
    ...(typeof confirm === "string" ? { confirm } : {}),
    ...(typeof like === "number" ? { like } : {}),
    ...(isContent(content) ? { content } : {}),
  };
}

/** What it has to be the server says. */
function isContent(content: unknown): content is NonNullable<ApproveOptions["content"]> {
  return typeof content === "object" && content !== null && !Array.isArray(content);
}

function statusOf({ turns }: ConversationView): string {
  const open = turns.find(({ outcome, status }) => outcome === undefined && status !== "queued");
  if (open !== undefined) return open.status === "waiting" ? "interrupted" : "running";
  return turns.at(-1)?.outcome?.type === "error" ? "failed" : "completed";
}

function fieldsIn(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}
