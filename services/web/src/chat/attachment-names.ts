import type { FilePart } from "@parley/protocol/fold";

/**
 * The client's own id of an upload: the same file, picked again for the same conversation after a reload, goes on where it was. Another conversation gets
 * another file, as one file belongs to one. `key` tells apart what was removed and picked again.
 */
export function uploadIdOf(conversationId: string, { name, size, lastModified }: File, key: string): string {
  const again = removed.has(`${conversationId} ${name} ${size} ${lastModified}`) ? `.${key}` : "";
  return `${conversationId.slice(-48)}.${size.toString(36)}.${lastModified.toString(36)}.${hashOf(name)}${again}`;
}

const removed = new Set<string>();

/** The server forgets it in a moment: begun again under its old id it could be caught by that. */
export function noteRemoved(conversationId: string, { name, size, lastModified }: File): void {
  removed.add(`${conversationId} ${name} ${size} ${lastModified}`);
}

/** FNV-1a: names tell files apart here, nobody is kept out by it. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(36);
}

/** What was kept of a box; what is not understood is not there. */
export function keptParts(text: string | undefined): FilePart[] {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(value) ? value.filter(isPart) : [];
  } catch {
    return [];
  }
}

function isPart(value: unknown): value is FilePart {
  if (typeof value !== "object" || value === null) return false;
  const fields: Partial<Record<keyof FilePart, unknown>> = value;
  const { type, file_id: id, name, media_type: mediaType, bytes } = fields;
  const areTexts = [id, name, mediaType].every((one) => typeof one === "string");
  return type === "file" && areTexts && typeof bytes === "number";
}
