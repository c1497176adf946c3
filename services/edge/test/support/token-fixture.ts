import { createMetrics } from "@parley/runtime";
import type { Issuer } from "../../src/admission/issuer-tokens.ts";
import { keySetTimes, type KeySetTimes } from "../../src/admission/key-set.ts";
import { startTokens, type TokenSettings, type Tokens } from "../../src/admission/tokens.ts";
import { log } from "./edge-fixture.ts";

export const issuerUrl = "https://login.example.org/";

/** An issuer as a file could name it. */
export function issuerAt(jwks: string, more: Partial<Issuer> = {}): Issuer {
  return {
    name: "corp",
    issuer: issuerUrl,
    audience: ["parley"],
    algorithms: ["RS256"],
    jwks,
    isPrimary: true,
    rules: {},
    ...more,
  };
}

export interface TokensUnderTest extends Tokens, Disposable {
  /** The value of one of its figures, by labels. */
  figure(name: string, labels: Record<string, string>): Promise<number | undefined>;
}

export function tokensUnderTest(settings: TokenSettings, times: Partial<KeySetTimes> = {}): TokensUnderTest {
  const registry = createMetrics({ service: "edge" });
  const tokens = startTokens({ ...settings, times: { ...keySetTimes, ...times }, registry, log });
  return {
    ...tokens,
    async figure(name, labels) {
      const metric = await registry.getSingleMetric(name)?.get();
      const isMeant = (one: Partial<Record<string, string | number>>): boolean =>
        Object.entries(labels).every(([label, value]) => one[label] === value);
      return metric?.values.find((one) => isMeant(one.labels))?.value;
    },
    [Symbol.dispose]: tokens.close,
  };
}
