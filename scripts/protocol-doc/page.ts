import { readFileSync } from "node:fs";
import { closeTable, errorCodes } from "./code-tables.ts";
import {
  clientSections,
  connectionSections,
  eventSections,
  objectSections,
  partSections,
  sharedFields,
} from "./frame-sections.ts";
import { limitTable, limitText } from "./limit-text.ts";

const parts: Readonly<Record<string, () => string>> = {
  clientSections,
  connectionSections,
  eventSections,
  sharedFields,
  objectSections,
  partSections,
  errorCodes,
  closeTable,
  limitTable,
};

function partText(name: string): string {
  const part = parts[name];
  if (part !== undefined) return part().trimEnd();
  const [file = "", constant = ""] = name.split(".");
  return limitText(file, constant);
}

/** The protocol's page: the prose of `page.md` with what the sources say in place of each `{{name}}`. */
export function protocolPage(): string {
  const prose = readFileSync(new URL("page.md", import.meta.url), "utf8");
  return prose.replaceAll(/\{\{([\w.]+)\}\}/g, (_, name: string) => partText(name));
}
