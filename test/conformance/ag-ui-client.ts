import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { z } from "zod";
import { runClient, type ClientRun } from "./client-run.ts";
import type { ConformanceWorld } from "./world.ts";

/** A client of AG-UI in a process of its own, and what it has. */

const ToolCall = z.object({ id: z.string(), function: z.object({ name: z.string(), arguments: z.string() }) });
const Message = z.looseObject({
  id: z.string(),
  role: z.string(),
  content: z.unknown(),
  toolCalls: z.array(ToolCall).optional(),
  toolCallId: z.string().optional(),
});
type Message = z.infer<typeof Message>;

const Interrupt = z.looseObject({ id: z.string(), reason: z.string(), message: z.string().optional() });
const Standing = z.object({
  ok: z.boolean(),
  error: z.string().optional(),
  messages: z.array(Message),
  interrupts: z.array(Interrupt).default([]),
});
export type Standing = z.infer<typeof Standing>;

const EventLine = z.object({ run: z.number(), event: z.looseObject({ type: z.string() }) });
type AgUiEvent = z.infer<typeof EventLine>["event"];

export interface AgUiClientOptions {
  /** `0` is 0.0.59, `1` is 1.0.0. */
  readonly version: 0 | 1;
  readonly url: string;
  readonly user?: string;
  readonly threadId?: string;
  readonly messages?: readonly Message[];
}

export async function openAgUi(world: ConformanceWorld, { user, threadId = randomUUID(), ...more }: AgUiClientOptions) {
  const token = await world.token(user);
  const run: ClientRun = runClient("ag-ui", { input: { token, threadId, ...more } });
  await run.until("ready");
  let runs = 0;
  const settled = async (): Promise<Standing> => Standing.parse(await run.until(`run-${++runs}`));
  const eventsOf = (n: number): AgUiEvent[] =>
    run.lines
      .filter(({ type }) => type === "event")
      .flatMap((line) => {
        const { run: of, event } = EventLine.parse(line);
        return of === n ? [event] : [];
      });
  return {
    threadId,
    /** What the client complained of. */
    complaints: (): string[] => run.lines.filter(({ type }) => type === "warning").map(({ text }) => String(text)),
    ask: (text: string, id: string = randomUUID()): void => run.tell({ do: "ask", text, id }),
    attach: (): void => run.tell({ do: "run" }),
    resume: (resume: readonly object[]): void => run.tell({ do: "resume", resume }),
    /** Answers and asks something else in one run. */
    turnAway: (resume: readonly object[], text: string): void =>
      run.tell({ do: "turnAway", resume, text, id: randomUUID() }),
    abort: (): void => run.tell({ do: "abort" }),
    at: (url: string): void => run.tell({ do: "at", url }),
    /** The end of the next run that was begun. */
    settled,
    /** Resolves when this run has so many characters of text. */
    async has(chars: number, n = runs + 1): Promise<void> {
      const isThere = (): boolean =>
        run.lines.some((line) => line.type === "text" && line["run"] === n && Number(line["length"]) >= chars);
      await expect.poll(isThere, { timeout: 30_000 }).toBe(true);
    },
    events: eventsOf,
    types: (n: number): string[] => eventsOf(n).map(({ type }) => type),
    kill: run.kill,
  };
}

/** The texts of the answers to the last question. */
export function answersIn({ messages }: Standing): string[] {
  const last = messages.findLastIndex(({ role }) => role === "user");
  return messages
    .slice(last + 1)
    .filter(({ role, content }) => role === "assistant" && typeof content === "string" && content !== "")
    .map(({ content }) => String(content));
}

export function messagesOf({ messages }: Standing, role: string): Message[] {
  return messages.filter((message) => message.role === role);
}

export function callsIn({ messages }: Standing) {
  return messages.flatMap(({ toolCalls = [] }) => toolCalls);
}
