import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { ConfigError, parseYaml, StartError } from "@parley/runtime";
import { firebaseIssuer, firebaseName, type Issuer } from "./issuer-tokens.ts";
import { IssuersFile, type IssuerEntry } from "./issuers-file.ts";
import { sharedSecretName } from "./shared-secret.ts";
import type { TokenSettings } from "./tokens.ts";

const shipped = fileURLToPath(new URL("../../../../config/issuers.yaml", import.meta.url));
/** The settings of an edge that say who makes tokens. */
interface TokenConfig {
  readonly AUTH_JWT_SECRET?: string | undefined;
  readonly AUTH_JWT_PREVIOUS_SECRET?: string | undefined;
  readonly AUTH_ISSUER?: string | undefined;
  readonly AUTH_AUDIENCE?: string | undefined;
  readonly ISSUERS_FILE?: string | undefined;
  readonly FIREBASE_PROJECT_ID?: string | undefined;
  readonly FIREBASE_JWKS_URL?: string | undefined;
  readonly AUTH_PRIMARY_ISSUERS: readonly string[];
}

/** As AUTH_PRIMARY_ISSUERS: all users are named by issuer and subject. */
const noPrimary = "none";

/**
 * Who makes the tokens that are accepted, as the settings and the file of the issuers say. `npm run config -- check` calls it too. Throws a StartError or a
 * ConfigError with all that is wrong.
 */
export async function readTokenSettings(config: TokenConfig): Promise<TokenSettings> {
  const file = await readIssuersFile(config.ISSUERS_FILE);
  const names = namesOf(config, file.issuers);
  const problems = [...primaryProblems(config, names), ...issuerProblems(config, file.issuers)];
  if (problems.length > 0) throw new ConfigError(problems);
  const primary = config.AUTH_PRIMARY_ISSUERS.length === 0 ? names : config.AUTH_PRIMARY_ISSUERS;
  const isPrimary = (name: string): boolean => primary.includes(name);

  const { AUTH_JWT_SECRET: secret, FIREBASE_PROJECT_ID: project } = config;
  const sharedSecret = {
    previousSecret: config.AUTH_JWT_PREVIOUS_SECRET,
    issuer: config.AUTH_ISSUER,
    audience: config.AUTH_AUDIENCE,
    isPrimary: isPrimary(sharedSecretName),
    rules: file.shared_secret,
  };
  const firebase = { jwks: config.FIREBASE_JWKS_URL, isPrimary: isPrimary(firebaseName), rules: file.firebase };
  return {
    sharedSecret: secret === undefined ? undefined : { secret, ...sharedSecret },
    issuers: [
      ...(project === undefined ? [] : [firebaseIssuer({ project, ...firebase })]),
      ...file.issuers.map((entry) => issuerOf(entry, isPrimary(entry.name))),
    ],
  };
}

/** The file that is named, or the shipped one if it is there. */
async function readIssuersFile(named: string | undefined): Promise<IssuersFile> {
  const file = named ?? shipped;
  if (named === undefined && !existsSync(file)) return { shared_secret: {}, firebase: {}, issuers: [] };
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new StartError(`The file of the issuers, ${file}, cannot be read.`, { cause });
  });
  const parsed = parseYaml({ file, text }, IssuersFile);
  if (parsed.ok) return parsed.value;
  throw new StartError(
    ["The issuers cannot be used:", ...parsed.problems.map((problem) => `  - ${problem}`)].join("\n"),
  );
}

function issuerOf({ tenant, roles, ...entry }: IssuerEntry, isPrimary: boolean): Issuer {
  return { ...entry, isPrimary, rules: { tenant, roles } };
}

/** All makers of tokens that are configured. */
function namesOf(config: TokenConfig, issuers: readonly IssuerEntry[]): string[] {
  return [
    ...(config.AUTH_JWT_SECRET === undefined ? [] : [sharedSecretName]),
    ...(config.FIREBASE_PROJECT_ID === undefined ? [] : [firebaseName]),
    ...issuers.map(({ name }) => name),
  ];
}

/** Of several makers somebody has to say whose users keep their names: a rule would give all users other names on the day on which one more is added, or one removed. */
function primaryProblems({ AUTH_PRIMARY_ISSUERS: primary }: TokenConfig, names: readonly string[]): string[] {
  const choice = `${names.join(", ")}, or ${noPrimary}`;
  if (names.length === 0) return ["AUTH_JWT_SECRET is not set, and there is no issuer: no token could be accepted."];
  if (primary.length === 0 && names.length > 1) {
    return [
      `AUTH_PRIMARY_ISSUERS is not set, but there are several makers of tokens: say whose users are named by their bare subject (${choice}); the one that was there first, or its users lose their conversations.`,
    ];
  }
  const unknown = primary.filter((name) => name !== noPrimary && !names.includes(name));
  if (unknown.length > 0) return [`AUTH_PRIMARY_ISSUERS names ${unknown.join(", ")}, but there are only ${choice}.`];
  return primary.includes(noPrimary) && primary.length > 1
    ? [`AUTH_PRIMARY_ISSUERS is ${noPrimary} and something else.`]
    : [];
}

/** A token's `iss` chooses who checks it, so no two may have the same. */
function issuerProblems(config: TokenConfig, issuers: readonly IssuerEntry[]): string[] {
  const { FIREBASE_PROJECT_ID: project, AUTH_ISSUER } = config;
  const firebase = project === undefined ? [] : [`https://securetoken.google.com/${project}`];
  const all = [...firebase, ...issuers.map(({ issuer }) => issuer)];
  const twice = all.filter((issuer, place) => all.indexOf(issuer) !== place);
  return [
    ...twice.map((issuer) => `The issuer ${issuer} is configured twice.`),
    ...(AUTH_ISSUER !== undefined && all.includes(AUTH_ISSUER)
      ? [
          `AUTH_ISSUER is ${AUTH_ISSUER}, whose tokens are checked by its public keys: the shared secret is for another.`,
        ]
      : []),
  ];
}
