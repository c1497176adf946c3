import type { CallId, ToolArguments, ToolDefinition, User } from "@parley/protocol";
import { z } from "zod";
import { readArguments } from "./arguments.ts";

export interface ToolContext {
  readonly callId: CallId;
  readonly user: User;
  /** Aborted when the result is no longer wanted; a tool that goes on all the same is left behind. */
  readonly signal: AbortSignal;
  /** A line for the viewers while the tool runs. At most five a second are shown. */
  progress(text: string): void;
}

export interface ToolOutput {
  readonly text: string;
  /** The tool itself left something out. */
  readonly truncated?: boolean;
}

/** A call whose arguments fit: run it, or the sentence that says what is wrong with them. */
export type PreparedCall = { run(context: ToolContext): Promise<ToolOutput> } | { problem: string };

export interface Tool {
  readonly definition: ToolDefinition;
  prepare(args: ToolArguments): PreparedCall;
}

interface ToolSpec<Input extends z.ZodObject> {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly description: string;
  /** A strict object; each field with a description for the model. */
  readonly input: Input;
  /** Other names of arguments, for clients and prompts made for other servers. An empty name: accepted and without effect. */
  readonly argumentAliases?: Readonly<Record<string, string>>;
  readonly effect: ToolDefinition["effect"];
  readonly timeoutMs: number;
  run(input: z.output<Input>, context: ToolContext): Promise<ToolOutput | string>;
}

/** The tool failed for a reason that helps whoever called it: the message is one sentence for the model and for people. */
export class ToolError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ToolError";
  }
}

/** The tool was stopped before it changed anything, and is certain of that. Of one that does not say so nobody knows what it did. */
export class NotDoneError extends ToolError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "NotDoneError";
  }
}

export function defineTool<Input extends z.ZodObject>(spec: ToolSpec<Input>): Tool {
  const parameters = parametersOf(spec.input);
  const reader = { schema: spec.input, parameters, aliases: spec.argumentAliases ?? {} };
  return {
    definition: {
      name: spec.name,
      aliases: [...(spec.aliases ?? [])],
      description: spec.description,
      parameters,
      effect: spec.effect,
      timeout_ms: spec.timeoutMs,
    },
    prepare(args) {
      const read = readArguments(args, reader);
      if ("problem" in read) return { problem: `The arguments of ${spec.name} are not valid: ${read.problem}` };
      return {
        async run(context) {
          const output = await spec.run(read.input, context);
          return typeof output === "string" ? { text: output } : output;
        },
      };
    },
  };
}

/** JSON Schema (2020-12) of what a model may send. Its `$schema` line is left out: some providers refuse unknown keywords. */
function parametersOf(input: z.ZodObject): Record<string, unknown> {
  const { $schema: _, ...parameters } = z.toJSONSchema(input, { io: "input", target: "draft-2020-12" });
  return parameters;
}
