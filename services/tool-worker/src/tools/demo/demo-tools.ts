import { appendFile, readFile } from "node:fs/promises";
import { sleep } from "@parley/runtime";
import { z } from "zod";
import { defineTool, type Tool, ToolError } from "../tool.ts";

const MAX_SLEEP_MS = 60_000;
const PROGRESS_EVERY_MS = 250;

interface DemoOptions {
  /** Where `demo_counter` and `demo_change` write; without it these tools are not there. */
  readonly counterFile: string | undefined;
}

/** Tools that touch nothing of value, for demonstrations and tests. */
export function createDemoTools({ counterFile }: DemoOptions): Tool[] {
  const counter = counterFile === undefined ? [] : [createCounter(counterFile), createChange(counterFile)];
  return [echo, fail, pause, report, ...counter];
}

const echo = defineTool({
  name: "demo_echo",
  description: "Demonstration: answers with the text it is given.",
  input: z.strictObject({ text: z.string().max(100_000).describe("What to answer.") }),
  effect: "read",
  timeoutMs: 5_000,
  run: async ({ text }) => text,
});

const fail = defineTool({
  name: "demo_fail",
  description: "Demonstration: always fails.",
  input: z.strictObject({
    message: z.string().max(500).default("This tool always fails.").describe("What it says about it."),
    unexpected: z.boolean().default(false).describe("Fail like a tool with a bug."),
  }),
  effect: "read",
  timeoutMs: 5_000,
  async run({ message, unexpected }) {
    throw unexpected ? new Error(message) : new ToolError(message);
  },
});

const MAX_ROWS = 10_000;

const report = defineTool({
  name: "demo_report",
  description: "Demonstration: makes a report, which the user gets as a CSV file.",
  input: z.strictObject({
    title: z.string().trim().min(1).max(80).default("Report").describe("What it is called."),
    rows: z.int().min(1).max(MAX_ROWS).default(10).describe("Lines of numbers in it."),
  }),
  effect: "read",
  timeoutMs: 5_000,
  async run({ title, rows }) {
    const lines = Array.from({ length: rows }, (_, row) => `${row + 1},${(row + 1) ** 2}`);
    const bytes = Buffer.from(["number,square", ...lines, ""].join("\n"));
    const name = `${title.replaceAll(/[^\p{L}\p{N} _-]/gu, "_")}.csv`;
    return { text: `A report of ${rows} lines.`, files: [{ name, bytes, mediaType: "text/csv" }] };
  },
});

const pause = defineTool({
  name: "demo_sleep",
  description: "Demonstration: takes its time, and says how far it is.",
  input: z.strictObject({ ms: z.int().min(0).max(MAX_SLEEP_MS).describe("How long, in milliseconds.") }),
  effect: "read",
  timeoutMs: MAX_SLEEP_MS + 5_000,
  async run({ ms }, { signal, progress }) {
    const startedAt = performance.now();
    for (let leftMs = ms; leftMs > 0 && !signal.aborted; leftMs = ms - (performance.now() - startedAt)) {
      progress(`${Math.round(ms - leftMs)} of ${ms} ms`);
      await sleep(Math.min(leftMs, PROGRESS_EVERY_MS), signal);
    }
    signal.throwIfAborted();
    return `Slept ${ms} ms.`;
  },
});

function createCounter(file: string): Tool {
  return defineTool({
    name: "demo_counter",
    description: "Demonstration: changes something, which must happen once per call. Adds one line to a file.",
    input: z.strictObject({
      ms: z.int().min(0).max(MAX_SLEEP_MS).default(0).describe("How long it takes after the change, in milliseconds."),
    }),
    effect: "write",
    timeoutMs: MAX_SLEEP_MS + 5_000,
    async run({ ms }, { callId, signal }) {
      await appendFile(file, `${callId}\n`);
      await sleep(ms, signal);
      signal.throwIfAborted();
      return "Counted.";
    },
  });
}

const MAX_CHANGE = 200;

/** As `demo_counter`, when a person agrees. */
function createChange(file: string): Tool {
  const ms = z.int().min(0).max(MAX_SLEEP_MS).default(0);
  const input = z.strictObject({
    text: z.string().trim().min(1).max(MAX_CHANGE).regex(/^.*$/).describe("What the new line says."),
    confirm: z.boolean().default(false).describe("Whoever agrees has to type the text."),
    exact: z.boolean().default(false).describe("Not if the last line of the file becomes another one meanwhile."),
    ms: ms.describe("How long it takes after the change, in milliseconds."),
  });
  return defineTool({
    name: "demo_change",
    description: "Demonstration: changes something when a person agrees. Adds one line with a text to a file.",
    input,
    effect: "write",
    timeoutMs: MAX_SLEEP_MS + 5_000,
    access: () => [{ system: "demo", verb: "append", kind: "Line", name: "counter" }],
    approval: {
      summary: ({ text }) => `Adds the line "${text}" to the demonstration's file.`,
      async preview({ text, exact }) {
        const last = exact ? await lastLineOf(file) : undefined;
        if (last === text) throw new ToolError("That is what the last line says already.");
        return { kind: "diff", text: `${last === undefined ? "" : ` ${last}\n`}+${text}` };
      },
      confirm: ({ text, confirm }) => (confirm ? text : undefined),
    },
    async run({ text, ms: afterMs }, { callId, signal }) {
      await appendFile(file, `${callId} ${text}\n`);
      await sleep(afterMs, signal);
      signal.throwIfAborted();
      return `Changed: ${text}`;
    },
  });
}

/** What it says, without the call that wrote it; undefined: nothing. */
async function lastLineOf(file: string): Promise<string | undefined> {
  const text = await readFile(file, "utf8").catch(() => "");
  return (
    text
      .trimEnd()
      .split("\n")
      .at(-1)
      ?.replace(/^\S+ ?/, "") || undefined
  );
}
