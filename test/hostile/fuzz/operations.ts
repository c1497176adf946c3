import { z } from "zod";

/** Of the OpenAPI document: what there is to ask, and what may be answered. */
const Parameter = z.object({
  name: z.string(),
  in: z.enum(["path", "query", "header"]),
  schema: z.record(z.string(), z.unknown()),
});
const Content = z.record(z.string(), z.looseObject({ schema: z.record(z.string(), z.unknown()) }));
const Described = z.object({
  parameters: z.array(Parameter),
  requestBody: z.looseObject({ content: Content }).optional(),
  responses: z.record(z.string(), z.looseObject({ content: Content.optional() })),
});
const Document = z.looseObject({ paths: z.record(z.string(), z.record(z.string(), Described)) });

export interface Operation extends z.infer<typeof Described> {
  readonly method: string;
  /** `{name}` is a parameter. */
  readonly path: string;
}

export type Parameter = z.infer<typeof Parameter>;

const json = "application/json";

export async function readOperations(port: number): Promise<readonly Operation[]> {
  const response = await fetch(`http://127.0.0.1:${port}/api/openapi.json`);
  const { paths } = Document.parse(await response.json());
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({ ...described, method: method.toUpperCase(), path })),
  );
}

export function bodySchemaOf({ requestBody }: Operation): z.core.JSONSchema.BaseSchema | undefined {
  return requestBody?.content[json]?.schema;
}

/** Checks a successful answer against the document. */
export function createAnswerCheck(operations: readonly Operation[]) {
  const schemas = new Map<object, z.ZodType>();
  const checkerOf = (schema: Record<string, unknown>): z.ZodType => {
    const made = schemas.get(schema) ?? z.fromJSONSchema(schema);
    schemas.set(schema, made);
    return made;
  };
  return (operation: Operation, status: number, value: unknown): string | undefined => {
    const response = operations.includes(operation) ? operation.responses[String(status)] : undefined;
    if (response === undefined) return `status ${status} is not in the document`;
    const schema = response.content?.[json]?.schema;
    if (schema === undefined) return undefined;
    const parsed = checkerOf(schema).safeParse(value);
    return parsed.success
      ? undefined
      : `the answer is not what the document says: ${parsed.error.message.slice(0, 300)}`;
  };
}
