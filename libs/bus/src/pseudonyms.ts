/** A person as an erasure knows them: who they were, and by which name what stays of them goes on. */
export interface Erased {
  readonly user: string;
  readonly pseudonym: string;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Fields in which records name a user by the id alone. */
const idFields: ReadonlySet<string> = new Set(["user_id", "owner", "by", "operator", "user"]);

/** The same value with another name for somebody wherever it names a user: what is said of them beside their id goes, what they are in the conversation stays. Pure. */
export function pseudonymised(value: unknown, erased: Erased): unknown {
  if (Array.isArray(value)) return value.map((one) => pseudonymised(one, erased));
  if (!isRecord(value)) return value;
  const { user, pseudonym } = erased;
  const isThem = value["id"] === user;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, one]): [string, unknown][] => {
      if (isThem && (name === "name" || name === "email")) return [];
      if (one === user && (name === "id" ? isThem : idFields.has(name))) return [[name, pseudonym]];
      if (name === "mentions" && Array.isArray(one)) return [[name, one.filter((id) => id !== user)]];
      return [[name, pseudonymised(one, erased)]];
    }),
  );
}

/** Whether a value names somebody: not merely has a word in it that is written as their id is, as that of a field, a role or a state. Pure. */
export function isNamedIn(value: unknown, user: string): boolean {
  return JSON.stringify(pseudonymised(value, { user, pseudonym: `not ${user}` })) !== JSON.stringify(value);
}
