import { z } from "zod";
import { isHttpAddress } from "./addresses.ts";

/** `oauth` of a server in the file of the MCP servers, which tool workers and edges read. */

const text = z
  .string()
  .min(1)
  .max(32 * 1_024);
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "must be the name of a variable");
const address = z.string().refine(isHttpAddress, "must be an http or https address");

const perUser = ["authorize_url", "revoke_url", "issuer", "resource"] as const;

/** With `per: user` each user brings an account of their own; else one identity is the whole deployment's. Secrets are names of variables. */
export const McpOAuth = z
  .strictObject({
    per: z.enum(["user"]).optional(),
    /** RFC 6749: where a person allows it, and where the code is changed for tokens. */
    authorize_url: address.optional(),
    token_url: address,
    /** RFC 7009. */
    revoke_url: address.optional(),
    /** RFC 9207: who answers, where one answers. */
    issuer: address.optional(),
    client_id: text,
    client_secret: variable.optional(),
    refresh_token: variable.optional(),
    scope: text.optional(),
    /** RFC 8707: for which server the tokens are. */
    resource: address.optional(),
  })
  .superRefine((oauth, ctx) => {
    const isPersonal = oauth.per === "user";
    const wrong = isPersonal ? (["refresh_token"] as const) : perUser;
    const message = isPersonal ? 'is not for "per: user": each user has their own' : 'is for "per: user"';
    for (const field of wrong) if (oauth[field] !== undefined) ctx.addIssue({ code: "custom", path: [field], message });
    if (isPersonal && oauth.authorize_url === undefined)
      ctx.addIssue({ code: "custom", path: ["authorize_url"], message: "is missing" });
    if (oauth.resource?.includes("#") === true)
      ctx.addIssue({ code: "custom", path: ["resource"], message: "must have no fragment (RFC 8707)" });
  });
export type McpOAuth = z.infer<typeof McpOAuth>;

/** Of people's own accounts, without the secret. */
export interface PersonalOAuth {
  readonly authorizeUrl: string;
  readonly tokenUrl: string;
  readonly revokeUrl?: string | undefined;
  readonly issuer?: string | undefined;
  readonly clientId: string;
  readonly scope?: string | undefined;
  readonly resource?: string | undefined;
}

/** Undefined: one identity is the whole deployment's. */
export function personalOAuthOf(oauth: McpOAuth | undefined): PersonalOAuth | undefined {
  if (oauth?.per !== "user" || oauth.authorize_url === undefined) return undefined;
  const { authorize_url: authorizeUrl, token_url: tokenUrl, revoke_url: revokeUrl, client_id: clientId } = oauth;
  const { issuer, scope, resource } = oauth;
  return { authorizeUrl, tokenUrl, revokeUrl, issuer, clientId, scope, resource };
}

/** Of a server that may be reached over plain HTTP neither is; of any other these addresses carry codes and tokens. */
export function plainAddressOf(oauth: McpOAuth): "authorize_url" | "token_url" | "revoke_url" | undefined {
  return (["authorize_url", "token_url", "revoke_url"] as const).find((field) => oauth[field]?.startsWith("http:"));
}
