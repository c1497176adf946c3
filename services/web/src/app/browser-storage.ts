/** The browser's storage; undefined where it is forbidden, as asking for it throws there. */
export function browserStorage(name: "localStorage" | "sessionStorage"): Storage | undefined {
  try {
    return globalThis[name];
  } catch {
    return undefined;
  }
}
