import { ToolError, type ToolContext } from "../tools/tool.ts";

const prefix = "parley:";

/** Roles beyond it are left out: a request has room for so many headers. */
const maxGroups = 32;

/**
 * Headers that ask in the name of the chat user, as `parley:<user>` in the groups `parley:<role>`. What these may do is the cluster's business, and so
 * is to whom the tool worker may lend its hand. A name that fits no header is nobody's: it throws.
 */
export function impersonation({
  user,
  caller,
}: Pick<ToolContext, "user" | "caller">): Record<string, string | string[]> {
  const groups = (caller?.roles ?? []).slice(0, maxGroups).map((role) => `${prefix}${checked(role)}`);
  return {
    "Impersonate-User": `${prefix}${checked(user.id)}`,
    ...(groups.length === 0 ? {} : { "Impersonate-Group": groups }),
  };
}

/** Printable ASCII without a blank at its ends, which a server would cut off: then it would be somebody else. */
const HEADER_NAME = /^[!-~]([ -~]{0,252}[!-~])?$/;

function checked(name: string): string {
  if (HEADER_NAME.test(name)) return name;
  throw new ToolError("The cluster cannot be asked in the name of this user: the name does not fit a header.");
}
