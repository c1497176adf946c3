import { readFile } from "node:fs/promises";
import { z } from "zod";

const Span = z.object({
  trace_id: z.string(),
  span_id: z.string(),
  parent_id: z.string().optional(),
  name: z.string(),
  kind: z.string(),
  service: z.string(),
  start_ms: z.number(),
  duration_ms: z.number(),
  attributes: z.record(z.string(), z.unknown()),
  failed: z.boolean().optional(),
  links: z.array(z.object({ trace_id: z.string(), span_id: z.string() })).default([]),
});
export type Span = z.infer<typeof Span>;

/** The spans that the processes have written so far. */
export async function readSpans(file: string): Promise<Span[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => Span.parse(JSON.parse(line)));
}

/** The one span whose name begins so. */
export function only(spans: readonly Span[], name: string): Span {
  const [first, ...more] = spans.filter((span) => span.name.startsWith(name));
  if (first === undefined || more.length > 0) throw new Error(`there are ${more.length + 1} spans or none: ${name}`);
  return first;
}
