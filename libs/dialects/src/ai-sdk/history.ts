import {
  createTurnView,
  filesOf,
  noFiles,
  outcomeOf,
  storedParts,
  type ConversationId,
  type FilePart,
  type Files,
  type StoredTurn,
  type TranscriptMessage,
  type TurnId,
} from "@parley/protocol";
import { z } from "zod";
import { createOrderedSteps } from "../turn/ordered-steps.ts";
import { createTurnSteps } from "../turn/steps.ts";
import { addressOfFile } from "../given-file.ts";
import { answerIdOf } from "./addresses.ts";
import type { AiSdkVersion } from "./decode.ts";
import { chunksOf, type Chunk } from "./encode.ts";
import { createTold } from "./state.ts";

/** What is kept of a chat, as `UIMessage`s of the AI SDK: what its client makes of the streams, as far as it is kept. */

type UiPart = Record<string, unknown>;

/** `UIMessage` of the package `ai`. */
export interface UiMessage {
  readonly id: string;
  readonly role: "user" | "assistant";
  readonly parts: readonly Readonly<UiPart>[];
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** A question under its client's own id, so a page that has it under that sees it once; under ours where that is not known. */
export function questionMessage(
  turn: TurnId,
  text: string,
  { asked, files = noFiles }: { readonly asked: string | undefined; readonly files?: Files | undefined },
): UiMessage {
  const texts = text === "" && files.length > 0 ? [] : [{ type: "text", text }];
  return { id: asked ?? `${turn}-u`, role: "user", parts: [...files.map(filePartOf), ...texts] };
}

/** Where its bytes are, for who may see them. */
function filePartOf({ file_id, name: filename, media_type: mediaType }: FilePart): UiPart {
  return { type: "file", mediaType, filename, url: addressOfFile(file_id) };
}

/** What a person wrote in place of the agent: for a page it is an answer, and the user's words it is not. */
export function operatorMessage(turn: TurnId, text: string): UiMessage {
  return { id: `${turn}-u`, role: "assistant", parts: [{ type: "text", text, state: "done" }] };
}

/** A turn that has ended; of one that has not, its question. */
export function messagesOfChat(
  { turn_id, question, answer, asked }: StoredTurn,
  conversation_id: ConversationId,
  version: AiSdkVersion,
): UiMessage[] {
  if (question?.author.role === "operator") return [operatorMessage(turn_id, question.message)];
  const own =
    question === undefined
      ? []
      : [questionMessage(turn_id, question.message, { asked, files: filesOf(question.parts ?? []) })];
  if (answer === undefined) return own;
  return [...own, foldChunks(turn_id, chunksOfAnswer(answer, { conversation_id, turn_id }, version), version)];
}

function chunksOfAnswer(
  answer: TranscriptMessage,
  place: { readonly conversation_id: ConversationId; readonly turn_id: TurnId },
  version: AiSdkVersion,
): readonly Chunk[] {
  const outcome = outcomeOf(answer);
  const view = { ...createTurnView(place.turn_id), parts: storedParts(answer), outcome, status: outcome.type };
  // Calls of one step of the model stand together, as one has them who has seen them come.
  const ordered = createOrderedSteps().take(createTurnSteps({ takesBack: "never" }).advance(view));
  // Nobody is asked any more.
  const steps = ordered.filter((step) => step.type !== "paused" && step.type !== "asked");
  return chunksOf(steps, place, createTold(version)).chunks;
}

/** What `processUIMessageStream` of the package makes of the chunks of a turn that has ended. */
function foldChunks(turn: TurnId, chunks: readonly Chunk[], version: AiSdkVersion): UiMessage {
  const parts: UiPart[] = [];
  let metadata: Record<string, unknown> = {};
  for (const chunk of chunks) {
    if (chunk["messageMetadata"] !== undefined) metadata = { ...metadata, ...chunk["messageMetadata"] };
    takePart(parts, chunk, version);
  }
  return { id: answerIdOf(turn), role: "assistant", metadata, parts };
}

function takePart(parts: UiPart[], chunk: Chunk, version: AiSdkVersion): void {
  const { type, ...fields } = chunk;
  if (type === "start-step") parts.push({ type: "step-start" });
  else if (/^(text|reasoning)-/.test(type)) takeText(parts, chunk);
  else if (type.startsWith("tool-")) takeCall(parts, chunk, version);
  else if (type.startsWith("source-") || type === "file") parts.push({ type, ...fields });
  else if (type === "data-approval") takeApproval(parts, chunk, version);
  else if (type.startsWith("data-")) parts.push({ ...chunk });
}

/** Of texts at most one is open at a time, the last part. */
function takeText(parts: UiPart[], { type, id, delta }: Chunk): void {
  const [kind, what] = type.split("-");
  const last = parts.at(-1);
  if (what === "start") {
    const named = kind === "reasoning" ? { id } : {};
    parts.push({ type: kind, ...named, text: "", state: "streaming" });
  } else if (last !== undefined && what === "delta") last["text"] = `${String(last["text"])}${String(delta)}`;
  else if (last !== undefined) last["state"] = "done";
}

function takeCall(parts: UiPart[], chunk: Chunk, version: AiSdkVersion): void {
  const { type, toolCallId, dynamic: _dynamic, toolMetadata, ...fields } = chunk;
  const state = type.slice("tool-".length);
  // The fifth does not keep them.
  const about = toolMetadata === undefined || version === 5 ? {} : { toolMetadata };
  const call = callIn(parts, toolCallId);
  if (call === undefined) parts.push({ type: "dynamic-tool", toolCallId, state, ...fields, ...about });
  else Object.assign(call, { state, ...fields, ...about });
}

const Approval = z.object({ approved: z.boolean().optional(), reason: z.string().optional() });

/** In a stream the call has this from the page itself, which has decided; `output-denied` is nothing valid without it. The fifth has no word for it. */
function takeApproval(parts: UiPart[], chunk: Chunk, version: AiSdkVersion): void {
  const { id, data } = chunk;
  parts.push({ ...chunk });
  const { approved, reason } = Approval.parse(data);
  const call = callIn(parts, id);
  if (version === 5 || call === undefined || approved === undefined) return;
  call["approval"] = { id, approved, ...(reason === undefined ? {} : { reason }) };
}

function callIn(parts: readonly UiPart[], id: unknown): UiPart | undefined {
  return parts.find((part) => part["type"] === "dynamic-tool" && part["toolCallId"] === id);
}
