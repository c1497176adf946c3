import { ChatError, limits } from "@parley/protocol";
import { addCounts, Counter, Gauge, type Logger, type Registry } from "@parley/runtime";
import { decodeJwt, errors } from "jose";
import { z } from "zod";
import { TokenFault, type Identity } from "./identity.ts";
import { firebaseName, startIssuerTokens, type Issuer, type IssuerTokens } from "./issuer-tokens.ts";
import type { KeySetTimes } from "./key-set.ts";
import { createRememberedTokens } from "./remembered-tokens.ts";
import { createSharedSecret, type SharedSecret, type SharedSecretOptions } from "./shared-secret.ts";
import type { TokenVerifier } from "./token-verifier.ts";

/** Who makes the tokens that are accepted. */
export interface TokenSettings {
  readonly sharedSecret?: SharedSecretOptions | undefined;
  readonly issuers?: readonly Issuer[];
}

export interface TokensDeps extends TokenSettings {
  readonly times?: KeySetTimes;
  /** Where its figures are added. */
  readonly registry: Registry;
  readonly log: Logger;
}

export interface Tokens {
  /** Whose token it is. Throws ChatError AUTH_EXPIRED or AUTH_INVALID, whose reason is for the log only, or AUTH_UNAVAILABLE when it cannot be said now. */
  verify(token: string): Promise<Identity>;
  /** Makes a token for development; undefined without a shared secret. */
  readonly sign: SharedSecret["sign"] | undefined;
  /** The issuers at which a program can have a token made for its user. */
  readonly issuers: readonly string[];
  /** What a person should know of the issuers, as sentences. */
  notes(): string[];
  close(): void;
}

/** Checks access tokens of all makers that are configured, and remembers those that are valid. Asks each issuer for its keys, now and from time to time. */
export function startTokens({ sharedSecret: secret, issuers = [], times, registry, log }: TokensDeps): Tokens {
  const sharedSecret = secret === undefined ? undefined : createSharedSecret(secret);
  const started = issuers.map((issuer) => startIssuerTokens(issuer, { times, log }));
  const byIssuer = new Map(started.map((tokens) => [tokens.issuer, tokens]));
  const remembered = createRememberedTokens();
  const checks = { remembered: 0, checked: 0, refused: 0, postponed: 0 };
  addTokenMetrics(registry, checks, started);

  /** What the token says of its issuer only chooses who checks it: that one asks for its own issuer, audience and algorithms. */
  const verifierOf = (token: string): TokenVerifier => {
    const verifier = byIssuer.get(issuerIn(token)) ?? sharedSecret;
    if (verifier === undefined) throw new TokenFault("its issuer is none of those that are configured");
    return verifier;
  };

  const identityIn = async (token: string): Promise<Identity> => {
    if (token.length > limits.accessTokenChars) {
      const message = `The token is longer than ${limits.accessTokenChars} characters.`;
      throw new ChatError("AUTH_INVALID", { message });
    }
    const key = remembered.keyOf(token);
    const known = remembered.find(key);
    if (known !== undefined) {
      checks.remembered++;
      return known;
    }
    const verifier = verifierOf(token);
    const version = verifier.version();
    const verified = await verifier.verify(token);
    const identity = { ...verified, tokenHash: key };
    remembered.keep(key, { identity, verifier, version });
    checks.checked++;
    return identity;
  };

  return {
    verify: (token) =>
      identityIn(token).catch((error: unknown) => {
        const refusal = refusalOf(error);
        checks[refusal.code === "AUTH_UNAVAILABLE" ? "postponed" : "refused"]++;
        throw refusal;
      }),
    sign: sharedSecret?.sign,
    // Firebase's is no address at which anybody signs in.
    issuers: started.flatMap(({ name, issuer }) => (name === firebaseName ? [] : [issuer])),
    notes: () => started.flatMap((tokens) => tokens.notes()),
    close() {
      for (const tokens of started) tokens.close();
    },
  };
}

/** What stands in the payload, unchecked; empty when there is nothing. */
function issuerIn(token: string): string {
  try {
    return decodeJwt(token).iss ?? "";
  } catch {
    return "";
  }
}

/** Keeps the reason in words only: the causes of the library's errors quote what they could not read. */
function refusalOf(error: unknown): ChatError {
  if (error instanceof ChatError) return error;
  const code = error instanceof errors.JWTExpired ? "AUTH_EXPIRED" : "AUTH_INVALID";
  return new ChatError(code, { cause: new TokenFault(reasonOf(error)) });
}

function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) {
    return error.issues.map(({ path, message }) => `its ${path.join(".")}: ${message}`).join("; ");
  }
  return error instanceof Error ? error.message : "it cannot be checked";
}

type Checks = Readonly<Record<"remembered" | "checked" | "refused" | "postponed", number>>;

function addTokenMetrics(registry: Registry, checks: Checks, issuers: readonly IssuerTokens[]): void {
  addCounts(registry, {
    name: "parley_edge_tokens_total",
    help: "Access tokens by outcome: remembered ones had been checked before, postponed ones could not be checked because the keys of their issuer were not at hand.",
    label: "outcome",
    read: () => Object.entries(checks),
  });
  const requests: Counter = new Counter({
    name: "parley_edge_issuer_requests_total",
    help: "Requests for the keys of an issuer, by how they ended.",
    labelNames: ["issuer", "outcome"],
    registers: [registry],
    collect() {
      requests.reset();
      for (const { name: issuer, keys } of issuers) {
        for (const [outcome, count] of Object.entries(keys.requests)) requests.inc({ issuer, outcome }, count);
      }
    },
  });
  const age: Gauge = new Gauge({
    name: "parley_edge_issuer_keys_age_seconds",
    help: "How long ago the keys of an issuer were had; +Inf: they never were, or too long ago to be used.",
    labelNames: ["issuer"],
    registers: [registry],
    collect() {
      for (const { name: issuer, keys } of issuers) age.set({ issuer }, (keys.ageMs() ?? Infinity) / 1_000);
    },
  });
}
