import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "./yaml.ts";

/** What the type declarations of Kubernetes' own schemas know of one kind of object: its fields, and the file of the type of each. */
type Declaration = { file: string; fields: Map<string, string>; imports: Map<string, string>; isOpen: boolean };

const declarations = new Map<string, Declaration>();

/** `import { IThing } from "…"`, as a path. */
function importsOf(text: string, file: string): Map<string, string> {
  const imports = new Map<string, string>();
  for (const [, names = "", from = ""] of text.matchAll(/^import \{ ([^}]+) \} from "([^"]+)";$/gm)) {
    const base = from.startsWith(".") ? path.resolve(path.dirname(file), from) : path.join(root, "node_modules", from);
    for (const name of names.split(", ")) imports.set(name, base.replace(/\.(?:d\.ts|m?js)$/, ""));
  }
  return imports;
}

/** The class of the file, which has inherited fields, too: one stands there for each schema. */
function declarationIn(base: string): Declaration {
  const known = declarations.get(base);
  if (known !== undefined) return known;
  const file = `${base}.d.ts`;
  if (!existsSync(file)) throw new Error(`there is no ${file}`);
  const text = readFileSync(file, "utf8");
  const body = /export declare class \w+[^{]*\{\n([^]*?)\n\}/.exec(text)?.[1] ?? "";
  const fields = new Map(
    [...body.matchAll(/^ {4}"([^"]+)"\??: ([^]*?);$/gm)].map(([, name = "", type = ""]) => [name, type]),
  );
  const declaration = { file, fields, imports: importsOf(text, file), isOpen: fields.size === 0 };
  declarations.set(base, declaration);
  return declaration;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

function unknownIn(value: unknown, type: string, at: string, { imports }: Declaration): string[] {
  const base = [...type.matchAll(/\bI\w+/g)].map(([name]) => imports.get(name)).find((found) => found !== undefined);
  if (base === undefined) return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => unknownFields(item, base, `${at}[${index}]`));
  if (!type.includes("[key: string]")) return unknownFields(value, base, at);
  return isObject(value)
    ? Object.entries(value).flatMap(([key, item]) => unknownFields(item, base, `${at}.${key}`))
    : [];
}

/** The fields that Kubernetes does not know, and would drop or refuse. `base`: the type's file, without its ending. */
export function unknownFields(value: unknown, base: string, at = ""): string[] {
  const declaration = declarationIn(base);
  if (!isObject(value) || declaration.isOpen) return [];
  return Object.entries(value).flatMap(([name, item]) => {
    const type = declaration.fields.get(name);
    return type === undefined ? [`${at}.${name}`] : unknownIn(item, type, `${at}.${name}`, declaration);
  });
}
