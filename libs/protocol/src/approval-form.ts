import { z } from "zod";

/** What a person is asked to fill in beside agreeing, and what they filled in (docs/mcp.md). Flat: people answer in fields, not in documents. */

const formFields = 20;
const formAnswerChars = 4_000;

const Choice = z.string().max(200);

export const FormField = z.object({
  type: z.enum(["string", "number", "integer", "boolean", "choices"]).describe("`choices`: any of `options`."),
  title: z.string().max(200).optional().describe("What to call it; else its name."),
  description: z.string().max(500).optional(),
  options: z.array(Choice).min(1).max(100).optional().describe("One of these, or of `choices` any of them."),
  required: z.literal(true).optional().describe("It has to be filled in."),
});
export type FormField = z.infer<typeof FormField>;

export const ApprovalForm = z
  .record(z.string().min(1).max(64), FormField)
  .refine((fields) => Object.keys(fields).length <= formFields, `must have at most ${formFields} fields`)
  .describe("Fields to be filled in by whoever agrees, by name: the frame `approve` says them as `content`.");
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
  const unknown = Object.keys(content).find((name) => !Object.hasOwn(form, name));
  if (unknown !== undefined) return `There is no field ${unknown}.`;
  for (const [name, field] of Object.entries(form)) {
    const value = Object.hasOwn(content, name) ? content[name] : undefined;
    if (value === undefined && field.required !== true) continue;
    if (value === undefined || (value === "" && field.required === true))
      return `The field ${name} has to be filled in.`;
    if (!isOfField(field, value)) return `The field ${name} must be ${wordsOf(field)}.`;
  }
  return undefined;
}

function isOfField({ type, options }: FormField, value: Value): boolean {
  if (type === "choices") return Array.isArray(value) && value.every((one) => options?.includes(one) !== false);
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type && (options === undefined || options.includes(String(value)));
}

function wordsOf({ type, options }: FormField): string {
  if (options !== undefined) return `${type === "choices" ? "a list of any" : "one"} of ${options.join(", ")}`;
  const words = {
    string: "a text",
    number: "a number",
    integer: "a whole number",
    boolean: "true or false",
    choices: "a list",
  };
  return words[type];
}
