/** Those of the fields with these names that it has: a field that is undefined is none, as in JSON. */
export function fieldsOf<T extends object, K extends keyof T>(of: T, names: readonly K[]): Pick<T, K>;
export function fieldsOf(of: object, names: readonly PropertyKey[]): object {
  const entries = names.map((name) => [name, Reflect.get(of, name)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
