/** One line of a service's build each, by the fault's name. */
export const faults: Readonly<Record<string, { readonly file: string; readonly line: string }>>;
