import { freePort } from "@parley/testkit";
import { createOidc, type OidcSettings, type OidcTimes } from "../../src/admission/oidc.ts";
import type { SessionTimes } from "../../src/admission/sessions.ts";
import { createBrowser, type Browser, type Page } from "./browser.ts";
import { log, type EdgeUnderTest, type World } from "./edge-fixture.ts";
import type { TestRedis } from "./redis.ts";

export const clientId = "parley";
export const clientSecret = "secret-of-parley-at-its-provider";
const sessionTimes: SessionTimes = { idleMs: 3_600_000, maxMs: 7 * 86_400_000 };

export interface SignInEdge extends EdgeUnderTest {
  readonly origin: string;
}

type Settings = Omit<Parameters<World["addEdge"]>[0] & object, "signIn" | "listen" | "redis"> & {
  readonly redis: TestRedis;
  readonly issuer: string;
  readonly times?: Partial<SessionTimes>;
  readonly oidc?: Partial<OidcSettings>;
  readonly oidcTimes?: OidcTimes;
  /** Default: a free one. */
  readonly port?: number;
  /** Of an edge that listens elsewhere, behind the same address. */
  readonly origin?: string;
};

/** An edge at whose page people can sign in. */
export async function addSignInEdge(
  world: World,
  { issuer, times, oidc, oidcTimes, port: wanted, origin: shared, ...more }: Settings,
): Promise<SignInEdge> {
  const port = wanted ?? (await freePort());
  const origin = shared ?? `http://127.0.0.1:${port}`;
  const naming = {
    issuer: "corp",
    isPrimary: true,
    rules: { roles: { claim: ["groups"] }, tenant: { fixed: "acme" } },
  };
  const settings: OidcSettings = {
    ...{ issuer, clientId, clientSecret, naming, redirectUrl: `${origin}/auth/callback` },
    ...{ algorithms: ["RS256"], ...oidc },
  };
  const edge = await world.addEdge({
    ...more,
    listen: { host: "127.0.0.1", port, isShared: false },
    signIn: {
      oidc: createOidc(settings, { log: more.log ?? log, ...(oidcTimes === undefined ? {} : { times: oidcTimes }) }),
      publicOrigin: origin,
      times: { ...sessionTimes, ...times },
    },
  });
  return { ...edge, origin };
}

/** Sends the provider's form as a person does, until it leads back. */
export type FillIn = (browser: Browser, page: Page, user: string) => Promise<string>;

/** A browser in which somebody has signed in. */
export async function signedIn(edge: SignInEdge, fillIn: FillIn, user: string, browser = createBrowser()) {
  const page = await browser.open(`${edge.origin}/auth/login?return_to=/ws/test`, (url) => url.startsWith(edge.origin));
  const callback = page.location ?? (await fillIn(browser, page, user));
  const back = await browser.request(callback);
  return { browser, back, callback };
}

/** The headers of a request that a page of the edge makes, with the cookie of the browser. */
export function pageHeaders(edge: SignInEdge, { cookies }: Browser): Record<string, string> {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  return { cookie, origin: edge.origin, "sec-fetch-site": "same-origin" };
}
