import { badRequest } from "./api-status.ts";

/** The fields of an object that a selector may name, by their path. */
export type SelectableFields = Readonly<Record<string, string>>;

/** Whether fields match a selector: `path=value`, `==` and `!=`, all of them joined by commas. */
export function parseFieldSelector(selector: string): (fields: SelectableFields) => boolean {
  const requirements = selector
    .split(",")
    .filter((part) => part !== "")
    .map(parseRequirement);
  return (fields) => requirements.every((requirement) => requirement(fields));
}

function parseRequirement(text: string): (fields: SelectableFields) => boolean {
  const [, path, operator, value] = /^([A-Za-z.]+)(==|=|!=)(.*)$/.exec(text) ?? [];
  if (path === undefined || value === undefined)
    throw badRequest(`invalid selector: '${text.slice(0, 100)}'; can't understand it`);
  return (fields) => {
    const actual = fields[path];
    if (actual === undefined) throw badRequest(`field label not supported: ${path}`);
    return (actual === value) === (operator !== "!=");
  };
}
