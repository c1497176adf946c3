import { CallerRights, User } from "@parley/protocol";
import { z } from "zod";
import type { Identity } from "./identity.ts";

/** An identity as tickets and sign-ins keep it in Redis. A newer version may add to it. */
const StoredIdentity = z.object({
  user: User,
  issuer: z.string(),
  tenant: CallerRights.shape.tenant,
  roles: CallerRights.shape.roles,
  scopes: CallerRights.shape.scopes,
  expiresAtMs: z.number(),
  session: z.string().optional(),
  tokenId: z.string().optional(),
  issuedAtMs: z.number().optional(),
});

/** As a field of what is stored. */
export const storedIdentity = StoredIdentity.transform(
  ({ user, issuer, tenant, roles, scopes, expiresAtMs, session, tokenId, issuedAtMs }): Identity => {
    return { user, issuer, tenant, roles, expiresAtMs, session, tokenId, issuedAtMs, scopes };
  },
);
