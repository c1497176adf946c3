import { redactText } from "../kubernetes/redaction.ts";
import { toPlainText } from "../plain-text.ts";
import { cutBytes } from "../result-text.ts";
import type { ToolOutput } from "../tools/tool.ts";
import type { CallToolResult } from "./session.ts";

type Content = CallToolResult["content"][number];

/** What a server returned, as text: made plain, without what looks like a credential, and cut. */
export function outputOf(
  { content, structuredContent }: Pick<CallToolResult, "content" | "structuredContent">,
  maxBytes: number,
): ToolOutput {
  const said = content.map(textOf).filter((text) => text !== "");
  // Servers are to say the same twice; of some the text is empty.
  if (said.length === 0 && structuredContent !== undefined) said.push(JSON.stringify(structuredContent, undefined, 2));
  const whole = said.join("\n\n") || "The server returned nothing.";
  const kept = cutBytes(whole, maxBytes);
  return { text: foreign(kept), ...(kept.length < whole.length && { truncated: true }) };
}

/** A sentence of somebody else's within one of ours. */
export function foreignLine(text: string, maxChars = 500): string {
  return foreign(text).replaceAll(/\s+/g, " ").trim().slice(0, maxChars).toWellFormed();
}

function foreign(text: string): string {
  return redactText(toPlainText(text).toWellFormed());
}

function textOf(content: Content): string {
  switch (content.type) {
    case "text":
      return content.text;
    case "image":
    case "audio":
      return `[${content.type}, ${content.mimeType}, ${Math.ceil((content.data.length * 3) / 4)} bytes: not shown]`;
    case "resource_link":
      return `[${content.name}: ${content.uri}]`;
    case "resource": {
      const { resource } = content;
      if ("text" in resource) return `${resource.uri}:\n${resource.text}`;
      return `[${resource.uri}, ${resource.mimeType ?? "no type"}: not shown]`;
    }
    default:
      return "";
  }
}
