import type { InputRequiredResult } from "@modelcontextprotocol/client";
import { ApprovalForm, FormContent, type FormField } from "@parley/protocol";
import { z } from "zod";
import type { Answers, FormQuestion } from "../tools/tool.ts";
import { foreignLine } from "./result-text.ts";

/** What goes back with the answers. It is the server's own, and opaque to us. */
const State = z.object({ key: z.string(), requestState: z.string().optional() });

const MAX_STATE_CHARS = 16 * 1024;

const mostMessages = 3;

/** What a server wants to know, in its words. */
export function messageAsked({ inputRequests = {} }: InputRequiredResult): string {
  const messages = Object.values(inputRequests)
    .slice(0, mostMessages)
    .flatMap((request) =>
      request.method === "elicitation/create" ? [foreignLine(request.params.message)] : [request.method],
    );
  return messages.join("; ") || "it does not say what.";
}

/** As a form for a person; undefined: it is more than one can fill in (another kind of request, several at once, a page to visit, fields within fields). */
export function questionOf(server: string, asked: InputRequiredResult): FormQuestion | undefined {
  const [entry, ...others] = Object.entries(asked.inputRequests ?? {});
  if (entry === undefined || others.length > 0) return undefined;
  const [key, { method, params }] = entry;
  if (method !== "elicitation/create" || params === undefined || !("requestedSchema" in params)) return undefined;
  const form = formOf(params.requestedSchema);
  const state = JSON.stringify({ key, requestState: asked.requestState } satisfies z.input<typeof State>);
  if (form === undefined || state.length > MAX_STATE_CHARS) return undefined;
  return { summary: `The MCP server ${server} asks: ${foreignLine(params.message)}`, form, state };
}

/** The parameters of the call that goes on: a retry of the first one, as the protocol wants it. */
export function answersOf({ content, state }: Answers) {
  const { key, requestState } = State.parse(JSON.parse(state));
  return {
    inputResponses: { [key]: { action: "accept", content: FormContent.parse(content) } },
    ...(requestState === undefined ? {} : { requestState }),
  };
}

const Option = z.object({ const: z.string() });
const Choices = z.object({
  enum: z.array(z.string()).optional(),
  oneOf: z.array(Option).optional(),
  anyOf: z.array(Option).optional(),
});
const Property = z.looseObject({
  ...Choices.shape,
  type: z.enum(["string", "number", "integer", "boolean", "array"]).default("string"),
  title: z.string().optional(),
  description: z.string().optional(),
  items: Choices.optional(),
});
const Requested = z.object({ properties: z.record(z.string(), Property), required: z.array(z.string()).default([]) });

function formOf(schema: unknown): ApprovalForm | undefined {
  const requested = Requested.safeParse(schema).data;
  if (requested === undefined) return undefined;
  const { properties, required } = requested;
  const fields = Object.entries(properties).map(([name, property]) => ({
    name,
    ...fieldOf(property, required.includes(name)),
  }));
  return ApprovalForm.safeParse(fields).data;
}

function fieldOf(
  { type, title, description, items, ...own }: z.infer<typeof Property>,
  isRequired: boolean,
): Omit<FormField, "name"> {
  const options = optionsOf(type === "array" ? (items ?? {}) : own);
  return {
    type: type === "array" ? "choices" : type,
    ...(title === undefined ? {} : { title: foreignLine(title, 200) }),
    ...(description === undefined ? {} : { description: foreignLine(description, 500) }),
    ...(options === undefined ? {} : { options }),
    ...(isRequired ? { required: true as const } : {}),
  };
}

function optionsOf({ enum: values, oneOf, anyOf }: z.infer<typeof Choices>): string[] | undefined {
  return values ?? (oneOf ?? anyOf)?.map((option) => option.const);
}
