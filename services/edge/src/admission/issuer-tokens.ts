import type { Logger } from "@parley/runtime";
import { jwtVerify } from "jose";
import { identityOf, type ClaimRules } from "./identity.ts";
import { startKeySet, type KeySet, type KeySetTimes } from "./key-set.ts";
import { checkFirebaseRules, refuseFuture, refuseOtherKinds, refuseOtherTypes } from "./token-kind.ts";
import { clockToleranceSeconds, type TokenVerifier } from "./token-verifier.ts";

/** Those that a public key checks; `EdDSA` is told as `Ed25519` too (RFC 9864). */
export const issuerAlgorithms = ["RS256", "PS256", "ES256", "ES384", "EdDSA"] as const;

/** Who makes tokens that anybody can check with its public keys. */
export interface Issuer {
  /** Its name here. It is part of its users' ids, so it never changes. */
  readonly name: string;
  /** `iss` of its tokens. */
  readonly issuer: string;
  /** `aud` of its tokens must be one of these. */
  readonly audience: readonly string[];
  readonly algorithms: readonly (typeof issuerAlgorithms)[number][];
  /** Where its keys are. */
  readonly jwks: string;
  readonly isPrimary: boolean;
  readonly rules: ClaimRules;
  /** Its tokens are ID tokens of Firebase. */
  readonly isFirebase?: boolean;
}

export interface IssuerTokens extends TokenVerifier {
  readonly name: string;
  readonly issuer: string;
  readonly keys: Pick<KeySet, "ageMs" | "requests">;
  /** What a person should know of it, as sentences. */
  notes(): string[];
  close(): void;
}

export interface IssuerTokensDeps {
  readonly times?: KeySetTimes | undefined;
  readonly log: Logger;
}

/** Keys that are older could not be had for some time: they are asked for again much sooner. */
const oldKeysMs = 3_600_000;

/** Tokens of an issuer that publishes its keys. What it is, who it is for and how it is signed is the configuration's word, never the token's. */
export function startIssuerTokens(options: Issuer, { times, log }: IssuerTokensDeps): IssuerTokens {
  const { name, issuer, audience, algorithms, jwks, isPrimary, rules, isFirebase = false } = options;
  const keySet = startKeySet({ issuer: name, url: jwks, times, log });
  const naming = { issuer: name, isPrimary, rules };
  const required = {
    issuer,
    audience: [...audience],
    algorithms: algorithms.flatMap((one) => (one === "EdDSA" ? [one, "Ed25519"] : [one])),
    requiredClaims: ["sub", "exp"],
    clockTolerance: clockToleranceSeconds,
  };
  return {
    name,
    issuer,
    keys: keySet,
    async verify(token) {
      const { payload, protectedHeader } = await jwtVerify(token, keySet.keyOf, required);
      refuseOtherTypes(protectedHeader);
      refuseOtherKinds(payload);
      refuseFuture(payload);
      if (isFirebase) checkFirebaseRules(payload, protectedHeader);
      return identityOf(payload, naming);
    },
    version: keySet.version,
    notes: () => notesOf(options, keySet),
    close: keySet.close,
  };
}

function notesOf({ name, jwks }: Issuer, keySet: KeySet): string[] {
  const ageMs = keySet.ageMs();
  const why = `${jwks}: ${keySet.failure() ?? "it was not asked yet"}`;
  if (ageMs === undefined)
    return [`The keys of the issuer ${name} cannot be had, so none of its tokens is accepted. ${why}.`];
  if (ageMs < oldKeysMs) return [];
  return [
    `The keys of the issuer ${name} are ${Math.round(ageMs / 60_000)} minutes old and cannot be had anew. ${why}.`,
  ];
}

/** Google's keys for ID tokens of Firebase. */
const firebaseKeys = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";
export const firebaseName = "firebase";

export interface FirebaseOptions {
  readonly project: string;
  /** Default: Google's. */
  readonly jwks?: string | undefined;
  readonly isPrimary: boolean;
  readonly rules: ClaimRules;
}

/** Firebase Authentication of one project. Its custom tokens have another issuer and audience, so they are refused. */
export function firebaseIssuer({ project, jwks = firebaseKeys, isPrimary, rules }: FirebaseOptions): Issuer {
  return {
    name: firebaseName,
    issuer: `https://securetoken.google.com/${project}`,
    audience: [project],
    algorithms: ["RS256"],
    jwks,
    isPrimary,
    rules,
    isFirebase: true,
  };
}
