import { createHash } from "node:crypto";
import { type ChatMessage, textOf } from "./chat-request.ts";

/** What came with a message: images as parts, texts of files as the agent worker marks them. Nothing is seen or understood: it is said what came. */

const MAX_TOLD = 10;
const FILE_MARK =
  /<attached_file name="([^"]*)" type="([^"]*)"[^>]*?( fence="[^"]*")?>\n([\s\S]*?)\n<\/attached_file\3>/g;
const MAX_BEGINNING = 120;
const PNG_SIGNATURE = 0x89504e47;
/** Of a PNG: signature, length and name of the first chunk, then width and height. */
const PNG_WIDTH_AT = 16;

/** A sentence for each image and each file. Empty: nothing came. */
export function attachmentsOf(entry: ChatMessage | undefined): string[] {
  if (entry === undefined) return [];
  const images = imagesOf(entry).map(imageSentence);
  const files = [...textOf(entry).matchAll(FILE_MARK)].map(([, name = "", type = "", , text = ""]) =>
    fileSentence(name, type, text),
  );
  return [...images, ...files].slice(0, MAX_TOLD);
}

/** Without what files say: a question is what its author wrote. */
export function withoutFiles(text: string): string {
  return text.replaceAll(FILE_MARK, "").trim();
}

export function hasImages(messages: readonly ChatMessage[]): boolean {
  return messages.some((entry) => imagesOf(entry).length > 0);
}

function imagesOf({ content }: ChatMessage): string[] {
  if (typeof content === "string") return [];
  return (content ?? []).flatMap((part) => {
    const { type, image_url: image } = part;
    const isImage = type === "image_url" && typeof image === "object" && image !== null && "url" in image;
    return isImage ? [String(image.url)] : [];
  });
}

function imageSentence(url: string): string {
  const [, type = "an unknown type", data = ""] = /^data:([^;,]+);base64,(.*)$/s.exec(url) ?? [];
  const bytes = Buffer.from(data, "base64");
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  return `I was given an image: ${type}, ${bytes.length} bytes${sizeOf(bytes)}, sha256 ${hash}.`;
}

function sizeOf(bytes: Buffer): string {
  if (bytes.length < PNG_WIDTH_AT + 8 || bytes.readUInt32BE(0) !== PNG_SIGNATURE) return "";
  return `, ${bytes.readUInt32BE(PNG_WIDTH_AT)} × ${bytes.readUInt32BE(PNG_WIDTH_AT + 4)} pixels`;
}

function fileSentence(name: string, type: string, text: string): string {
  const line = text.trim().replaceAll(/\s+/g, " ");
  const beginning = line.length <= MAX_BEGINNING ? line : `${line.slice(0, MAX_BEGINNING)}…`;
  return `I was given the file ${name} (${type}), which says: “${beginning}”`;
}
