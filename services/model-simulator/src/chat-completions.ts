import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type ApiError, badRequest, sendError, sendJson, simulatedError } from "./api-error.ts";
import { hasImages } from "./attachments.ts";
import { asksForAgent, ChatRequest, findHistoryFault, textOf } from "./chat-request.ts";
import { type CompletionIdentity, completionBody, completionId } from "./completion.ts";
import { type Control, readControl } from "./control.ts";
import type { FailureMemory } from "./failure-memory.ts";
import { createGeneration, type Generation } from "./generation.ts";
import { findModel } from "./models.ts";
import type { Pacer } from "./pacer.ts";
import type { OpenRequest, RequestJournal } from "./request-journal.ts";
import { playStream } from "./stream-player.ts";
import { streamScript } from "./stream-script.ts";

export type ChatCompletionsDeps = {
  pacer: Pacer;
  journal: RequestJournal;
  failures: FailureMemory;
  tokensPerSecond: number;
};

type Parsed =
  | { ok: true; request: ChatRequest; control: Control; requestHash: string }
  | { ok: false; error: ApiError };

type Accepted = Extract<Parsed, { ok: true }>;
type Answer = { generation: Generation; identity: CompletionIdentity; tokensPerSecond: number; opened: OpenRequest };

/** Answers `POST /v1/chat/completions`, and misbehaves in the way the request asks for. */
export function createChatCompletions({ pacer, journal, failures, tokensPerSecond }: ChatCompletionsDeps) {
  return (req: IncomingMessage, res: ServerResponse, body: Buffer): void => {
    const parsed = parse(req, body);
    if (!parsed.ok) return sendError(res, parsed.error);
    const { request, control, requestHash } = parsed;
    const clientRequestId = headerOf(req, "x-client-request-id");
    const opened = openRequest(res, parsed, clientRequestId);
    if (control.hang === "headers") return;
    if (control.status !== undefined && failures.mustFail(requestHash, control.times)) {
      opened.end("failed");
      return sendError(res, simulatedError(control.status, control.retry_after));
    }
    const answer = { ...answerOf(parsed, clientRequestId, tokensPerSecond), opened };
    if (request.stream === true) stream(res, answer, request.stream_options?.include_usage === true);
    else answerWhole(res, answer);
  };

  function openRequest(res: ServerResponse, { request }: Accepted, clientRequestId: string | undefined): OpenRequest {
    const stream = request.stream === true;
    const lastUserMessage = lastUserText(request);
    const opened = journal.open({ model: request.model, clientRequestId, stream, lastUserMessage });
    res.setHeader("x-request-id", opened.record.id);
    res.on("close", () => opened.end(res.writableFinished ? "completed" : "client_closed"));
    return opened;
  }

  function stream(res: ServerResponse, answer: Answer, includeUsage: boolean): void {
    const { generation, identity, tokensPerSecond: pace, opened } = answer;
    res.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
    const script = streamScript(generation, identity, includeUsage);
    playStream({ res, script, pacer, request: opened, tokensPerSecond: pace, firstMs: generation.firstMs });
  }

  /** Takes as long as the stream would have taken; what a stream breaks in its middle, this never finishes. */
  function answerWhole(res: ServerResponse, { generation, identity, tokensPerSecond: pace, opened }: Answer): void {
    const tokens = generation.usage.completionTokens;
    const how = generation.break?.kind;
    if (how === "stall" || how === "keepalive") return;
    const delayMs = generation.firstMs + (pace === 0 ? 0 : (tokens * 1000) / pace);
    const cancel = pacer.after(delayMs, () => {
      opened.end(how === undefined ? "completed" : "failed");
      if (how !== undefined) return res.socket?.resetAndDestroy();
      opened.addTokens(tokens);
      sendJson(res, 200, completionBody(generation, identity));
    });
    res.on("close", cancel);
  }
}

function answerOf(accepted: Accepted, clientRequestId: string | undefined, usualRate: number): Omit<Answer, "opened"> {
  const { request, control, requestHash } = accepted;
  const created = Math.floor(Date.now() / 1000);
  return {
    generation: createGeneration(request, control),
    identity: { id: completionId(requestHash, clientRequestId), created, model: request.model },
    tokensPerSecond: control.rate ?? usualRate * (findModel(request.model)?.speed ?? 1),
  };
}

function parse(req: IncomingMessage, body: Buffer): Parsed {
  const parsed = ChatRequest.safeParse(tryJson(body));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refuse(
      badRequest(
        `The request body is not valid: ${issue?.path.join(".") || "body"}: ${issue?.message ?? "unreadable"}.`,
      ),
    );
  }
  const request = parsed.data;
  if (findModel(request.model) === undefined) {
    const message = `The model '${request.model}' does not exist here; this is a simulator.`;
    return refuse({ status: 404, message, type: "invalid_request_error", code: "model_not_found" });
  }
  const fault = findHistoryFault(request.messages);
  if (fault !== undefined) return refuse(badRequest(fault));
  const header = headerOf(req, "x-sim");
  const read = readControl(header, asksForAgent(request) ? "" : lastUserText(request));
  if (!read.ok) return refuse(badRequest(read.problem, "simulator_directive"));
  const requestHash = createHash("sha256")
    .update(body)
    .update(`\n${header ?? ""}`)
    .digest("hex");
  return seesImages(request, read.control) ? { ok: true, request, control: read.control, requestHash } : blind;
}

const blind: Parsed = { ok: false, error: badRequest("Image input is not supported by this model.") };

function seesImages({ messages }: ChatRequest, { images }: Control): boolean {
  return images !== "refuse" || !hasImages(messages);
}

function refuse(error: ApiError): Parsed {
  return { ok: false, error };
}

function lastUserText(request: ChatRequest): string {
  const last = request.messages.findLast((entry) => entry.role === "user");
  return last === undefined ? "" : textOf(last);
}

function headerOf(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function tryJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}
