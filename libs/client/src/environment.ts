/** What the surroundings of a client tell it. Found by itself in browsers; Node.js says nothing of the kind. */
export interface Environment {
  /** Whether there is a network at all. */
  readonly isOnline: () => boolean;
  /** Returns the function that ends it. */
  readonly watch: (onSignal: (signal: EnvironmentSignal) => void) => () => void;
}

/**
 * - `online`, `offline`: the network came or went.
 * - `visible`: somebody looks at the page again.
 * - `resumed`: the page was frozen (back/forward cache), or the machine slept: what the socket says of itself may be old.
 */
export type EnvironmentSignal = "online" | "offline" | "visible" | "resumed";

/** The part of a browser's globals that is looked at. */
export interface BrowserGlobals {
  readonly navigator?: { readonly onLine?: boolean };
  readonly document?: EventSource & { readonly visibilityState?: string };
  readonly addEventListener: EventSource["addEventListener"];
}

interface EventSource {
  readonly addEventListener: (
    type: string,
    listener: (event: { readonly persisted?: boolean }) => void,
    options: { readonly signal: AbortSignal },
  ) => void;
}

/** How often it is looked whether the clock has jumped, and from when on that is a sleep. A hidden page's timers are late by up to a minute: then one ping is sent in vain. */
const tickMs = 5_000;
const sleptMs = 10_000;

/** Undefined where there is nothing of a browser: the functions of Node.js have no `addEventListener` of their own. */
export function foundEnvironment(globals: object = globalThis): Environment | undefined {
  return isBrowser(globals) ? browserEnvironment(globals) : undefined;
}

function isBrowser(globals: object): globals is BrowserGlobals {
  return "addEventListener" in globals && "navigator" in globals;
}

function browserEnvironment(globals: BrowserGlobals): Environment {
  const { document, navigator } = globals;
  return {
    isOnline: () => navigator?.onLine !== false,
    watch: (onSignal) => {
      const ended = new AbortController();
      const when = (
        source: EventSource | undefined,
        type: string,
        signal: EnvironmentSignal,
        isMeant?: IsMeant,
      ): void =>
        source?.addEventListener(type, (event) => void (isMeant?.(event) === false || onSignal(signal)), ended);
      when(globals, "online", "online");
      when(globals, "offline", "offline");
      when(globals, "pageshow", "resumed", ({ persisted }) => persisted === true);
      when(document, "resume", "resumed");
      when(document, "visibilitychange", "visible", () => document?.visibilityState === "visible");
      // While a machine sleeps timers stand still; the time of day does not.
      let lastMs = Date.now();
      const clock = setInterval(() => {
        const sinceMs = Date.now() - lastMs;
        lastMs += sinceMs;
        if (sinceMs > tickMs + sleptMs) onSignal("resumed");
      }, tickMs);
      return () => {
        ended.abort();
        clearInterval(clock);
      };
    },
  };
}

type IsMeant = (event: { readonly persisted?: boolean }) => boolean;
