import { randomBytes, randomInt } from "node:crypto";
import { expect } from "vitest";
import { z } from "zod";
import { runClient, type ClientRun } from "./client-run.ts";
import type { ConformanceWorld } from "./world.ts";

const Part = z.looseObject({ type: z.string() });
export type ChatPart = z.infer<typeof Part>;

const Standing = z.looseObject({
  type: z.string(),
  status: z.string(),
  error: z.string().optional(),
  text: z.string(),
  messages: z.array(
    z.looseObject({
      id: z.string(),
      role: z.string(),
      parts: z.array(Part),
      metadata: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
  data: z.array(z.looseObject({ type: z.string() })),
  requests: z.array(
    z.object({
      address: z.string(),
      status: z.number(),
      run: z.string().nullable(),
      tail: z.string().nullable(),
    }),
  ),
  stopStatus: z.number().optional(),
});

/** How a chat stands when something that it was told to do is done. */
export interface Standing extends z.infer<typeof Standing> {
  /** Of its last message. */
  readonly parts: readonly ChatPart[];
}

export interface ChatOptions {
  readonly major: 5 | 6 | 7;
  readonly url: string;
  readonly transport?: "http" | "workflow" | "socket";
  readonly chat?: string;
  /** What it has loaded. */
  readonly messages?: readonly object[];
  readonly approves?: boolean;
  readonly cancels?: boolean;
  /** `WorkflowChatTransport` at the address whose chunks have no numbers. */
  readonly plain?: boolean;
  /** Where it begins when it resumes. */
  readonly startIndex?: number;
  /** Its `fetch` tries again for ten seconds. */
  readonly patient?: boolean;
  /** Default: another person each time. */
  readonly token?: string;
}

export interface AiSdkChat {
  readonly id: string;
  readonly run: ClientRun;
  /** Begins something; `marks`: texts that are waited for with `shown`. */
  begin(action: string, more?: object): { readonly done: Promise<Standing>; shown(mark: string): Promise<void> };
  do(action: string, more?: object): Promise<Standing>;
}

/** A chat of the AI SDK in a process of its own. */
export async function openChat(world: ConformanceWorld, options: ChatOptions): Promise<AiSdkChat> {
  const { chat = `chat-${randomBytes(6).toString("hex")}`, token = await world.token() } = options;
  const run = runClient("ai-sdk", { input: { ...options, chat, token } });
  let count = 0;
  const begin: AiSdkChat["begin"] = (action, more = {}) => {
    const as = `done ${++count}`;
    const marks = "marks" in more && Array.isArray(more.marks) ? more.marks.map(String) : [];
    const named = Object.fromEntries(marks.map((mark) => [mark, `${as} ${mark}`]));
    run.tell({ do: action, as, ...more, marks: named });
    return {
      done: run.until(as).then((line) => {
        const standing = Standing.parse(line);
        return { ...standing, parts: standing.messages.at(-1)?.parts ?? [] };
      }),
      shown: (mark) => run.until(`${as} ${mark}`).then(() => undefined),
    };
  };
  return { id: chat, run, begin, do: (action, more) => begin(action, more).done };
}

/** It has the whole answer, once, and knows that it is whole. */
export function expectWhole({ status, error, messages, text }: Standing, whole: string): void {
  expect({ status, error, text }).toEqual({ status: "ready", error: undefined, text: whole });
  expect(messages.map(({ role }) => role)).toEqual(["user", "assistant"]);
}

export const ofType = (parts: readonly ChatPart[], type: string): ChatPart[] =>
  parts.filter((part) => part.type === type);

/** Two words at which to cut an answer of a hundred: it has more than a second to go behind the later one. */
export function randomCuts(): [string, string] {
  const first = randomInt(0, 30);
  return [`w${first} `, `w${randomInt(first + 5, 45)} `];
}
