/** How the cookies of a sign-in are written and read, and which pages may use them. */
export interface SessionCookie {
  /** The id in the header `cookie`; undefined: none, or one that cannot be. */
  read(header: string): string | undefined;
  /** For `set-cookie`. */
  write(id: string, maxAgeMs: number): string;
  clear(): string;
  /** The same for what a browser keeps while its person is at the provider. */
  readonly pending: {
    read(header: string): string | undefined;
    write(value: string, maxAgeMs: number): string;
    clear(): string;
  };
  /** Whether a page of ours asks. `fetchSite`: what the browser says of it, for where it does not name the page. */
  isOwnPage(page: { readonly origin: string; readonly fetchSite: string }): boolean;
  /** Under which address people know this deployment. */
  readonly origin: string;
}

const idForm = /^[\w-]{43}$/;
const maxPendingChars = 2_048;
const pendingForm = /^[\w-]+$/;

/** `origin`: the public one. Over https the name makes browsers refuse a cookie that a neighbouring host or a page without TLS has set. */
export function createSessionCookie(origin: string): SessionCookie {
  const isSecure = origin.startsWith("https:");
  const prefix = isSecure ? "__Host-" : "";
  const session = createCookie(`${prefix}parley_session`, isSecure);
  const pending = createCookie(`${prefix}parley_sign_in`, isSecure);
  return {
    ...session,
    read(header) {
      const id = session.read(header);
      return id !== undefined && idForm.test(id) ? id : undefined;
    },
    pending: {
      ...pending,
      read(header) {
        const value = pending.read(header);
        return value !== undefined && value.length <= maxPendingChars && pendingForm.test(value) ? value : undefined;
      },
    },
    // Stricter than for tokens: a page of another allowed origin has no part in this one's sign-in.
    isOwnPage: (page) => (page.origin === "" ? page.fetchSite === "same-origin" : page.origin === origin),
    origin,
  };
}

/** One cookie of this site, for no script to read. */
export function createCookie(name: string, isSecure: boolean) {
  const attributes = `Path=/; HttpOnly; SameSite=Lax${isSecure ? "; Secure" : ""}`;
  return {
    read(header: string): string | undefined {
      const values = header.split(";").flatMap((part) => {
        const at = part.indexOf("=");
        return at !== -1 && part.slice(0, at).trim() === name ? [part.slice(at + 1).trim()] : [];
      });
      // Two of one name: somebody else has set one of them.
      return values.length === 1 ? values[0] : undefined;
    },
    write: (value: string, maxAgeMs: number) =>
      `${name}=${value}; Max-Age=${Math.floor(maxAgeMs / 1_000)}; ${attributes}`,
    clear: () => `${name}=; Max-Age=0; ${attributes}`,
  };
}
