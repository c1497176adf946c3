import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createLogger, createMetrics } from "@parley/runtime";
import { z } from "zod";
import type { Issuer } from "../../../services/edge/src/admission/issuer-tokens.ts";
import { createSharedSecret } from "../../../services/edge/src/admission/shared-secret.ts";
import { startTokens, type TokenSettings, type Tokens } from "../../../services/edge/src/admission/tokens.ts";
import {
  claimsOf,
  createIssuerKey,
  startKeyServer,
  type Algorithm,
  type KeyServer,
} from "../../../services/edge/test/support/issuer-server.ts";
import type { Bench, BenchContext, Budget } from "../bench.ts";
import { withBelongings } from "../measure/belongings.ts";
import { median, rounded } from "../measure/statistics.ts";

/** Connections with a token, per second: a storm of reconnections at one edge. */
const connectsPerSecond = 2_000;
const maxShareOfCore = 0.25;
const people = 4_000;
/** So many are checked at a time, as in a storm. */
const together = 50;
const issuer = "https://login.example.org/";
const secret = "a-secret-of-more-than-thirty-two-bytes";

interface Maker {
  readonly name: string;
  readonly settings: TokenSettings;
  readonly tokens: readonly string[];
}

interface Figures {
  readonly maker: string;
  /** Processor time per token of all threads, in microseconds. */
  readonly checkedMicros: number;
  readonly rememberedMicros: number;
  readonly bytesPerToken: number;
}

function tokensFor(settings: TokenSettings): Tokens {
  const log = createLogger({ service: "bench", level: "silent", format: "json" });
  return startTokens({ ...settings, registry: createMetrics({ service: "edge" }), log });
}

async function sharedSecret(): Promise<Maker> {
  const { sign } = createSharedSecret({ secret });
  const making = Array.from({ length: people }, (_, i) => sign({ id: `user-${i}`, name: "Ann" }, 3_600_000));
  const tokens = (await Promise.all(making)).map(({ token }) => token);
  return { name: "HS256", settings: { sharedSecret: { secret } }, tokens };
}

async function issuerOf(algorithm: Algorithm, own: (starting: Promise<KeyServer>) => Promise<KeyServer>) {
  const key = await createIssuerKey(algorithm, "key-1");
  const server = await own(startKeyServer(key));
  const settings: Issuer = {
    ...{ name: "corp", issuer, audience: ["parley"], jwks: server.url, isPrimary: false },
    algorithms: [algorithm],
    rules: { tenant: { fixed: "acme" }, roles: { claim: ["roles"] } },
  };
  const claims = (i: number) => claimsOf(issuer, { sub: `user-${i}`, name: "Ann", roles: ["writer", "reader"] });
  const making = Array.from({ length: people }, (_, i) => key.sign(claims(i)));
  return { name: algorithm, settings: { issuers: [settings] }, tokens: await Promise.all(making) };
}

/** Processor time of this process for all of them, per token. */
async function microsPerToken(tokens: Tokens, all: readonly string[]): Promise<number> {
  const before = process.cpuUsage();
  for (let i = 0; i < all.length; i += together) {
    await Promise.all(all.slice(i, i + together).map((token) => tokens.verify(token)));
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / all.length;
}

setFlagsFromString("--expose-gc");
const collectGarbage = z.custom<() => void>((value) => typeof value === "function").parse(runInNewContext("gc"));

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

async function measure({ name, settings, tokens: all }: Maker, rounds: number): Promise<Figures> {
  const runs = [];
  // The first round warms up: compilers, and the keys of the issuer.
  for (let round = 0; round <= rounds; round++) {
    const tokens = tokensFor(settings);
    await tokens.verify(all[0] ?? "");
    const emptyBytes = heapBytes();
    const checked = await microsPerToken(tokens, all);
    const bytes = (heapBytes() - emptyBytes) / all.length;
    const remembered = [];
    for (let i = 0; i < 5; i++) remembered.push(await microsPerToken(tokens, all));
    runs.push({ checked, bytes, remembered: median(remembered) });
    tokens.close();
  }
  const counted = runs.slice(1);
  return {
    maker: name,
    checkedMicros: median(counted.map(({ checked }) => checked)),
    rememberedMicros: median(counted.map(({ remembered }) => remembered)),
    bytesPerToken: median(counted.map(({ bytes }) => bytes)),
  };
}

const shareOf = (micros: number): number => (micros * connectsPerSecond) / 1_000_000;
const percent = (share: number): string => `${rounded(share * 100)} %`;

function rowOf({ maker, checkedMicros, rememberedMicros, bytesPerToken }: Figures): string[] {
  return [
    maker,
    `${rounded(checkedMicros)} µs`,
    percent(shareOf(checkedMicros)),
    `${rounded(rememberedMicros)} µs`,
    percent(shareOf(rememberedMicros)),
    String(Math.round(bytesPerToken)),
  ];
}

const algorithms = ["RS256", "ES256", "EdDSA"] as const;
const perSecond = `${connectsPerSecond}/s of a core`;
const head = ["signed with", "first time", perSecond, "remembered", perSecond, "bytes remembered"];

function budgetOf({ maker, rememberedMicros }: Figures): Budget {
  return {
    what: `share of a core for ${connectsPerSecond} remembered ${maker} tokens a second`,
    value: shareOf(rememberedMicros),
    limit: maxShareOfCore,
    is: "<=",
  };
}

/** What checking access tokens costs an edge, the first time and when they are remembered. */
export const tokens: Bench = {
  name: "tokens",
  about: `processor time per access token; ${connectsPerSecond} a second that are remembered may take ${maxShareOfCore * 100} % of a core`,
  takesSeconds: 40,
  isGate: true,
  run: ({ rounds, only }: BenchContext) =>
    withBelongings(async (own) => {
      const makers: Maker[] = [await sharedSecret()];
      for (const algorithm of algorithms) makers.push(await issuerOf(algorithm, own));
      const figures: Figures[] = [];
      for (const maker of makers.filter(({ name }) => only === undefined || name.includes(only))) {
        figures.push(await measure(maker, rounds));
      }
      return { figures, table: [head, ...figures.map(rowOf)], budgets: figures.map(budgetOf) };
    }),
};
