import { fileFields } from "@parley/bus";
import {
  auditFields,
  brokerFields,
  durationMs,
  encryptionFields,
  flag,
  host,
  isOrigin,
  limitsFile,
  logFormat,
  logLevel,
  nodeEnv,
  optionalText,
  port,
  pushHosts,
  redisFields,
  sampleRatio,
  secret,
  traceFields,
  wholeNumber,
} from "@parley/runtime";
import { z } from "zod";
import { isCidr, loopback } from "./admission/address.ts";
import { isAllowedOrigin } from "./admission/origin.ts";
import { isKeyAddress, keyAddressError } from "./admission/issuers-file.ts";
import { minNoticeDelayMs } from "./commands/notices/notice-times.ts";

/** HS256 with a key shorter than its hash can be searched. */
const minSecretBytes = 32;
/** Secrets that stand in examples. */
const wellKnown = /^(secret|changeme|change-me|password|development|dev|test|example|parley|your-.*|(.)\2*)$/i;

/** Blocks of addresses, comma-separated; `none` is an empty list. */
function cidrs() {
  return z
    .string()
    .transform((text) => (text.trim() === "none" ? [] : text.split(/[\s,]+/).filter((block) => block !== "")))
    .refine((blocks) => blocks.every(isCidr), {
      error: "must be addresses or blocks of them, such as 10.0.0.0/8 or fd00::/8, comma-separated",
    });
}

/** All settings of an edge; the keys are the names of the environment variables. */
export const Config = z
  .object({
    NODE_ENV: nodeEnv(),
    HOST: host().describe("Where sockets and HTTP requests are accepted."),
    PORT: port().default(8000).describe("Where sockets and HTTP requests are accepted; 0 takes a free one."),
    REUSE_PORT: flag().describe("Lets several edges listen on one port; the kernel spreads connections over them."),
    ADMIN_HOST: host().describe("Where probes and metrics are served."),
    ADMIN_PORT: port().default(8001).describe("Where probes and metrics are served."),
    ADMIN_TOKEN: secret()
      .optional()
      .describe(
        "What opens the admin endpoints for blocks, revocations and draining. Unset: only tokens of users with the role `operator` do.",
      ),
    ...brokerFields(),
    ...encryptionFields(),
    ...fileFields(),
    FILE_KEEP_UNATTACHED_MS: durationMs(24 * 3_600_000, 60_000).describe(
      "How long a file is kept that nobody has sent to a conversation, from its last byte on.",
    ),
    ...auditFields(),
    ...redisFields("for the lists of conversations"),
    AUTH_JWT_SECRET: secret()
      .optional()
      .describe(
        "Shared secret (HS256) that access tokens are signed with; needed where neither `ISSUERS_FILE` nor `FIREBASE_PROJECT_ID` is set.",
      ),
    AUTH_JWT_PREVIOUS_SECRET: secret()
      .optional()
      .describe("Another secret whose tokens are accepted, while one takes the place of the other."),
    AUTH_ISSUER: optionalText().describe("Required issuer (`iss`) of tokens that are signed with the shared secret."),
    AUTH_AUDIENCE: optionalText().describe(
      "Required audience (`aud`) of tokens that are signed with the shared secret.",
    ),
    ISSUERS_FILE: optionalText().describe(
      "Issuers whose tokens are checked by their public keys, and the claims that give tenant and roles. Default: `config/issuers.yaml`, if it is there.",
    ),
    FIREBASE_PROJECT_ID: z
      .string()
      .trim()
      .regex(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/, "must be the id of a Firebase project, not its name or number")
      .optional()
      .describe("Firebase project whose ID tokens are accepted."),
    FIREBASE_JWKS_URL: z
      .string()
      .trim()
      .refine(isKeyAddress, { error: keyAddressError })
      .optional()
      .describe("Where the keys of Firebase are, for a mirror or a test. Unset: at Google."),
    AUTH_PRIMARY_ISSUERS: z
      .string()
      .default("")
      .transform((text) => text.split(/[\s,]+/).filter((name) => name !== ""))
      .describe(
        "Whose users are named by their bare subject (`sub`), as those of a single issuer are: `shared-secret`, `firebase` or a name in the file; needed with several, and never changed. More than one, comma-separated, only if the same subject is the same person at each; `none`: nobody's.",
      ),
    API_KEYS_FILE: optionalText().describe(
      "API keys of servers, as hashes. Default: `config/api-keys.yaml`, if it is there. Read again when it changes.",
    ),
    PUBLIC_URL: z
      .string()
      .trim()
      .refine((text) => isOrigin(text) && isKeyAddress(text), {
        error: "must be an origin as browsers write it, such as https://chat.example.org (http only on this machine)",
      })
      .optional()
      .describe(
        "Under which address people reach the edges; needed for signing in, and for connecting accounts. Also what clients of MCP and A2A are told; unset: the host they asked, with https but on this machine.",
      ),
    OIDC_ISSUER: z
      .string()
      .trim()
      .refine(isKeyAddress, { error: keyAddressError })
      .optional()
      .describe(
        "OpenID provider at which people sign in: the `issuer` of an entry in `ISSUERS_FILE`. Unset: nobody can.",
      ),
    OIDC_CLIENT_ID: optionalText().describe("The name of this deployment at the provider."),
    OIDC_CLIENT_SECRET: secret().optional().describe("Its secret there; unset for a public client."),
    MCP_FILE: optionalText().describe(
      "The file of the MCP servers, as tool workers read it: of those with `per: user` users connect accounts here. Default: `config/mcp.yaml`, if it is there.",
    ),
    MCP_TOKEN_KEY: secret()
      .refine((text) => Buffer.from(text, "base64").length === 32, "must be 32 bytes in base64")
      .optional()
      .describe(
        "Seals the tokens of accounts that users connect: the key of the tool workers. Unset: nobody can connect one.",
      ),
    SESSION_IDLE_MS: durationMs(12 * 3_600_000, 60_000).describe(
      "A sign-in ends when its user did nothing for this long.",
    ),
    SESSION_MAX_MS: durationMs(7 * 86_400_000, 60_000).describe("A sign-in ends after this in any case."),
    LIMITS_FILE: limitsFile(),
    AUTH_DEV: flag().describe("Gives a token to whoever asks, for development."),
    ALLOWED_ORIGINS: z
      .string()
      .default("")
      .transform((text) => text.split(/[\s,]+/).filter((origin) => origin !== ""))
      .refine((origins) => origins.every(isAllowedOrigin), {
        error:
          "must be origins as browsers write them, such as https://chat.example.org or https://*.example.org, comma-separated",
      })
      .describe(
        "Origins of other sites whose pages may connect, comma-separated; `https://*.example.org` stands for all names below. Unset: none.",
      ),
    WEB_DIR: optionalText().describe(
      "Folder of the built chat page, which is read once at the start. Default: `services/web/dist`, if it is there.",
    ),
    TRUSTED_PROXIES: cidrs()
      .prefault("none")
      .describe(
        "Proxies whose `X-Forwarded-For` or `Forwarded` says from where a client comes, as blocks of addresses, comma-separated; each must add the address of whoever it got the request from.",
      ),
    EXEMPT_ADDRESSES: cidrs()
      .optional()
      .describe(
        "Clients to whom no limit of `docs/limits.md` applies, as blocks of addresses, comma-separated, or `none`. Unset: this machine, and in production `none`.",
      ),
    MAX_CONNECTIONS: wholeNumber(1)
      .optional()
      .describe("Sockets of this process; default: what the file limit allows."),
    MAX_HTTP_WAIT_MS: durationMs(600_000, 1).describe("How long an HTTP request may wait for its answer."),
    NOTICES: flag().describe(
      "Makes notices to people who are away and are addressed, which tool workers with NOTICE_WEBHOOK_URL or VAPID_PRIVATE_KEY send.",
    ),
    NOTICE_TEXT: flag().describe(
      "Notices hold the beginning of the message. Unset: nothing that somebody has written but the title.",
    ),
    VAPID_PUBLIC_KEY: optionalText()
      .refine(
        (text) => text === undefined || Buffer.from(text, "base64url").length === 65,
        "must be 65 bytes in base64url, as `npm run keys -- vapid` makes it",
      )
      .describe(
        "With it browsers ask for notices that tool workers with VAPID_PRIVATE_KEY send. Unset: they are offered none.",
      ),
    PUSH_HOSTS: pushHosts(),
    NOTICE_DELAY_MS: durationMs(5_000, minNoticeDelayMs).describe(
      "How long after a message somebody is told of it who has not come to read it.",
    ),
    ...traceFields(),
    TRACES_SAMPLE_RATIO: sampleRatio(),
    LOG_LEVEL: logLevel(),
    LOG_FORMAT: logFormat(),
    SHUTDOWN_MS: durationMs(10_000).describe("Time to say goodbye to clients when stopping."),
  })
  .refine(({ AUTH_JWT_SECRET: own, ISSUERS_FILE: file, FIREBASE_PROJECT_ID: firebase }) => own ?? file ?? firebase, {
    path: ["AUTH_JWT_SECRET"],
    error: "is not set, but it is needed",
    // Beside other problems too.
    when: () => true,
  })
  .refine(({ OIDC_ISSUER, OIDC_CLIENT_ID: id, PUBLIC_URL: url }) => !OIDC_ISSUER || (id && url), {
    path: ["OIDC_ISSUER"],
    error: "needs OIDC_CLIENT_ID and PUBLIC_URL",
    when: () => true,
  })
  .refine(({ NOTICES, VAPID_PUBLIC_KEY: key }) => NOTICES || key === undefined, {
    path: ["VAPID_PUBLIC_KEY"],
    error: "needs NOTICES=1: browsers would ask for notices that nobody makes",
    when: () => true,
  })
  .refine(({ NODE_ENV, PUBLIC_URL: url }) => NODE_ENV !== "production" || !url?.startsWith("http:"), {
    path: ["PUBLIC_URL"],
    error: "must be an https address in production: cookies without TLS can be read on the way",
  })
  .refine(({ NODE_ENV, AUTH_DEV }) => NODE_ENV !== "production" || !AUTH_DEV, {
    path: ["AUTH_DEV"],
    error: "must not be set in production: it gives a token to whoever asks",
  })
  .refine(({ AUTH_DEV, AUTH_JWT_SECRET: own }) => !AUTH_DEV || own !== undefined, {
    path: ["AUTH_DEV"],
    error: "needs AUTH_JWT_SECRET, which its tokens are signed with",
  })
  .refine(
    ({ NODE_ENV, AUTH_JWT_PREVIOUS_SECRET: other }) =>
      NODE_ENV !== "production" || other === undefined || !isWeakSecret(other),
    {
      path: ["AUTH_JWT_PREVIOUS_SECRET"],
      error: `must be at least ${minSecretBytes} random bytes in production`,
    },
  )
  .refine(
    ({ NODE_ENV, ADMIN_TOKEN: token }) => NODE_ENV !== "production" || token === undefined || !isWeakSecret(token),
    { path: ["ADMIN_TOKEN"], error: `must be at least ${minSecretBytes} random bytes in production` },
  )
  .refine(
    ({ NODE_ENV, AUTH_JWT_SECRET: own }) => NODE_ENV !== "production" || own === undefined || !isWeakSecret(own),
    {
      path: ["AUTH_JWT_SECRET"],
      error: `must be at least ${minSecretBytes} random bytes in production`,
    },
  );
export type Config = z.infer<typeof Config>;

/** Whether a secret can be guessed. */
export function isWeakSecret(text: string): boolean {
  return Buffer.byteLength(text) < minSecretBytes || wellKnown.test(text);
}

/** Clients to whom no limit applies. */
export function exemptAddresses({
  NODE_ENV,
  EXEMPT_ADDRESSES,
}: Pick<Config, "NODE_ENV" | "EXEMPT_ADDRESSES">): readonly string[] {
  return EXEMPT_ADDRESSES ?? (NODE_ENV === "production" ? [] : loopback);
}
