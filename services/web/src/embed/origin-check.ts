/**
 * Whether a server that runs refuses the origin of this page: a browser tells a page only that there was no connection. Its script may be had by everybody, and
 * what it says of signing in by pages of allowed origins alone.
 */
export async function refusesOrigin(server: string, ask: typeof fetch = fetch): Promise<boolean> {
  const isHad = async (path: string): Promise<boolean> => {
    try {
      const { ok } = await ask(`${server}${path}`, { cache: "no-store", credentials: "omit" });
      return ok;
    } catch {
      return false;
    }
  };
  return (await isHad("/embed/parley-chat.js")) && !(await isHad("/api/v1/auth/methods"));
}

/** For whoever made the page. */
export function originAdvice(server: string, origin: string): string {
  return `<parley-chat>: ${server} accepts no pages of ${origin}. Name this origin in ALLOWED_ORIGINS of the server; see its docs/embedding.md, "What must be allowed".`;
}
