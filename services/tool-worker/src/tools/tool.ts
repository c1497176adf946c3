import type {
  ApprovalForm,
  CallId,
  CallerRights,
  FormContent,
  ToolArguments,
  ToolDefinition,
  User,
} from "@parley/protocol";
import { z } from "zod";
import type { Access } from "./access.ts";
import { readArguments } from "./arguments.ts";

export interface ToolContext {
  readonly callId: CallId;
  readonly user: User;
  /** Absent: an older version asked for the call. */
  readonly caller?: CallerRights | undefined;
  /** Aborted when the result is no longer wanted; a tool that goes on all the same is left behind. */
  readonly signal: AbortSignal;
  /** What a person has filled in, as the tool asked for it when it ran before: see `NeedsAnswersError`. */
  readonly answers?: Answers | undefined;
  /** A line for the viewers while the tool runs. At most five a second are shown. */
  progress(text: string): void;
}

/** What a tool has to know of a person before it can go on. */
export interface FormQuestion {
  /** One sentence for people. */
  readonly summary: string;
  readonly form: ApprovalForm;
  /** What the tool needs to go on; at most 16 KB. */
  readonly state: string;
}

export interface Answers {
  readonly content: FormContent;
  readonly state: string;
}

export interface ToolOutput {
  readonly text: string;
  /** What the model reads in place of `text`, which is then for people. */
  readonly brief?: string;
  /** The tool itself left something out. */
  readonly truncated?: boolean;
  /** For people, beside the text: at most `filesPerCall`. The model is told their names. */
  readonly files?: readonly ToolFile[];
}

/** A file that a tool makes. */
export interface ToolFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** As the tool calls it; what counts is its content. */
  readonly mediaType?: string | undefined;
}

/** What would change, as a person is shown it. */
export interface Preview {
  /** `diff`: lines that begin with +, - or a blank. `table`: as `kubectl` prints one. */
  readonly kind: "diff" | "table" | "text";
  /** People are shown its first `approvalPreviewBytes`; what they agree to is all of it. */
  readonly text: string;
}

/** What a person is asked who has to agree to a call. Texts are made plain and cut to their limits by whoever asks. */
export interface PreparedApproval {
  summary(): string;
  preview(context: ToolContext): Promise<Preview | undefined>;
  confirm(): string | undefined;
}

/** A call whose arguments fit: run it, perhaps with a person's agreement; or the sentence that says what is wrong with them. */
export type PreparedCall =
  | {
      /** What a person has to do before it, whatever else they agree to; undefined: nothing. It changes nothing, and trouble is for `run` to tell. */
      first?(context: ToolContext): Promise<FormQuestion | undefined>;
      run(context: ToolContext): Promise<ToolOutput>;
      readonly approval?: PreparedApproval;
      access?(context: ToolContext): Promise<readonly Access[]>;
      command?(): string;
    }
  | { problem: string };

export interface Tool {
  readonly definition: ToolDefinition;
  prepare(args: ToolArguments): PreparedCall;
  /** The arguments that a call under an alias stands for, where the alias says more than the tool's own name. */
  readonly meanings?: Readonly<Record<string, (args: ToolArguments) => ToolArguments>>;
}

/** docs/tools.md says how to write one. */
interface ApprovalSpec<Input> {
  /** One sentence for people: what would be done. */
  summary(input: Input): string;
  /**
   * What would change, by a dry run that changes nothing. It runs when people are asked and again before the call runs, which it only does if both say
   * the same: so it must say nothing that changes by itself, such as times. A ToolError is the call's result, and nobody is asked.
   */
  preview?(input: Input, context: ToolContext): Promise<Preview>;
  /** What whoever agrees has to type: one short line. Undefined: nothing. */
  confirm?(input: Input): string | undefined;
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
  /** A person must agree to each call; with `access` the policy says to which ones. */
  readonly approval?: ApprovalSpec<z.output<Input>>;
  /**
   * All that a call would touch, for the policy; it may ask the system about it, and changes nothing. A ToolError is the call's result. Absent: the policy
   * knows the tool's name and effect only.
   */
  access?(input: z.output<Input>, context: ToolContext): readonly Access[] | Promise<readonly Access[]>;
  /** What a person could type to do the same; shown where tools may only suggest changes. */
  command?(input: z.output<Input>): string;
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

/**
 * The tool has done nothing yet, and has to know more of a person. Of a tool with effect `read` the call then waits as for an agreement, and runs again with what was filled
 * in; of any other, and where a person was asked about the call before, the message is its result.
 */
export class NeedsAnswersError extends ToolError {
  readonly question: FormQuestion;
  constructor(message: string, question: FormQuestion) {
    super(message);
    this.name = "NeedsAnswersError";
    this.question = question;
  }
}

/** The tool was told to change something and cannot know whether that was done. The message is the beginning of a sentence that says why, as it follows a colon. */
export class UnknownEffectError extends ToolError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UnknownEffectError";
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
      ...(mayBeAskedAbout(spec) ? { approval: "required" as const } : {}),
    },
    prepare(args) {
      const read = readArguments(args, reader);
      if ("problem" in read) return { problem: `The arguments of ${spec.name} are not valid: ${read.problem}` };
      return {
        ...(spec.approval === undefined ? {} : { approval: approvalOf(spec.approval, read.input) }),
        ...partsOf(spec, read.input),
        async run(context) {
          const output = await spec.run(read.input, context);
          return typeof output === "string" ? { text: output } : output;
        },
      };
    },
  };
}

/** Whether a policy can have people asked about a call of it: agents listen for that then. */
function mayBeAskedAbout<Input extends z.ZodObject>({
  approval,
  access,
  effect,
}: Pick<ToolSpec<Input>, "approval" | "access" | "effect">): boolean {
  return approval !== undefined || access !== undefined || effect === "write";
}

function partsOf<Input extends z.ZodObject>(
  spec: Pick<ToolSpec<Input>, "access" | "command">,
  input: z.output<Input>,
): Pick<Extract<PreparedCall, { run: unknown }>, "access" | "command"> {
  return {
    ...(spec.access && { access: async (context: ToolContext) => (await spec.access?.(input, context)) ?? [] }),
    ...(spec.command && { command: () => spec.command?.(input) ?? "" }),
  };
}

function approvalOf<Input>(spec: ApprovalSpec<Input>, input: Input): PreparedApproval {
  return {
    summary: () => spec.summary(input),
    preview: async (context) => spec.preview?.(input, context),
    confirm: () => spec.confirm?.(input),
  };
}

/** JSON Schema (2020-12) of what a model may send. Its `$schema` line is left out: some providers refuse unknown keywords. */
function parametersOf(input: z.ZodObject): Record<string, unknown> {
  const { $schema: _, ...parameters } = z.toJSONSchema(input, { io: "input", target: "draft-2020-12" });
  return parameters;
}
