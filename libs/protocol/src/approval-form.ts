import { z } from "zod";

/** What a person is asked to fill in beside agreeing, and what they filled in (docs/mcp.md). Flat: people answer in fields, not in documents. */

const formFields = 20;
const formAnswerChars = 4_000;

const Choice = z.string().max(200);

const types = ["string", "number", "integer", "boolean", "choices"] as const;

export const FormField = z.object({
  name: z.string().max(64),
  type: z.union([z.enum(types), z.string()]).describe("`choices`: any of `options`."),
  title: z.string().max(200).optional().describe("What to call it; else its name."),
  description: z.string().max(500).optional().describe("What is to be filled in."),
  options: z.array(Choice).max(100).optional().describe("One of these, or of `choices` any of them."),
  required: z.literal(true).optional().describe("It has to be filled in."),
});
export type FormField = z.infer<typeof FormField>;

export const ApprovalForm = z
  .array(FormField)
  .max(formFields)
  .describe("Fields to be filled in by whoever agrees: the frame `approve` says them as `content`, by name.");
export type ApprovalForm = z.infer<typeof ApprovalForm>;

export const FormContent = z
  .record(
    z.string().min(1).max(64),
    z.union([z.string().max(formAnswerChars), z.number(), z.boolean(), z.array(Choice).max(100)]),
  )
  .refine((fields) => Object.keys(fields).length <= formFields, `must have at most ${formFields} fields`)
  .describe("What was filled in of a `form`, by name of the field.");
export type FormContent = z.infer<typeof FormContent>;

type Value = FormContent[string];

/** What is wrong with what was filled in, as a sentence; undefined: it fits. */
export function formProblem(form: ApprovalForm, content: FormContent): string | undefined {
  const unknown = Object.keys(content).find((given) => !form.some(({ name }) => name === given));
  if (unknown !== undefined) return `There is no field ${unknown}.`;
  for (const field of form) {
    const value = Object.hasOwn(content, field.name) ? content[field.name] : undefined;
    const isEmpty = value === undefined || value === "";
    if (isEmpty && field.required === true) return `The field ${field.name} has to be filled in.`;
    if (value !== undefined && !isOfField(field, value)) return `The field ${field.name} must be ${wordsOf(field)}.`;
  }
  return undefined;
}

function isOfField({ type, options }: FormField, value: Value): boolean {
  if (type === "choices") return Array.isArray(value) && value.every((one) => options?.includes(one) !== false);
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type && (options === undefined || options.includes(String(value)));
}

const words: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  choices: "a list",
};

function wordsOf({ type, options }: FormField): string {
  if (options !== undefined) return `${type === "choices" ? "a list of any" : "one"} of ${options.join(", ")}`;
  return words[type] ?? "filled in elsewhere: it is of a kind that is not known here";
}
