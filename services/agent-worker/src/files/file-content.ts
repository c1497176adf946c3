import type { DocumentKind, FilePart } from "@parley/protocol";

/** What is known of a file for a model. */
export type FileContent =
  | { readonly kind: "image"; readonly url: string }
  | { readonly kind: "text"; readonly text: string; readonly isHeard: boolean }
  /** `why`: as it follows the file's name. */
  | { readonly kind: "nothing"; readonly why: string };

/** How a file is given to a model, by what it is. */
export type FileWay =
  | { readonly by: "image" }
  | { readonly by: "hearing" }
  | { readonly by: "reading"; readonly kind: DocumentKind };

/** What all models that see images take. */
const images: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/webp", "image/gif"]);

const documents: Readonly<Record<string, DocumentKind>> = {
  "application/pdf": "pdf",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
  "text/html": "html",
  "text/markdown": "markdown",
};

/** Other kinds of text than `text/…`. */
const plainText = /^text\/|^application\/(?:json|xml|x-ndjson|yaml)$|\+(?:json|xml)$/;

/** Undefined: nobody here can read such a file. */
export function wayOf({ media_type: type }: Pick<FilePart, "media_type">): FileWay | undefined {
  if (images.has(type)) return { by: "image" };
  const kind = Object.hasOwn(documents, type) ? documents[type] : undefined;
  if (kind !== undefined) return { by: "reading", kind };
  if (plainText.test(type)) return { by: "reading", kind: "text" };
  return type.startsWith("audio/") || type === "video/webm" || type === "video/mp4" ? { by: "hearing" } : undefined;
}

/** For people. */
export function sizeWords(bytes: number): string {
  if (bytes < 1_024) return `${bytes} bytes`;
  return bytes < 1_024 * 1_024 ? `${Math.round(bytes / 1_024)} KB` : `${(bytes / 1_024 / 1_024).toFixed(1)} MB`;
}
