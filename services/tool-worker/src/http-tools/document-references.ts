export type Json = Record<string, unknown>;

export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** References to references. */
const MAX_STEPS = 20;

/**
 * Finds what stands at a place of a document, through references within it. Undefined: nothing, or it is in another document: nothing is fetched, and no
 * other file is opened.
 */
export function createResolver(document: Json): (value: unknown) => Json | undefined {
  const at = (reference: string): unknown => {
    if (!reference.startsWith("#/")) return undefined;
    return reference
      .slice("#/".length)
      .split("/")
      .map(nameOf)
      .reduce<unknown>(
        (found, name) => (isRecord(found) && Object.hasOwn(found, name) ? found[name] : undefined),
        document,
      );
  };
  return (value) => {
    let found = value;
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      if (!isRecord(found)) return undefined;
      const reference = found["$ref"];
      if (typeof reference !== "string") return found;
      found = at(reference);
    }
    return undefined;
  };
}

function nameOf(part: string): string {
  const plain = part.replaceAll("~1", "/").replaceAll("~0", "~");
  try {
    return decodeURIComponent(plain);
  } catch {
    // A lone % is part of the name.
    return plain;
  }
}
