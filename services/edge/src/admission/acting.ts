import { ChatError, demand, type Caller, type May, type OnBehalfOf } from "@parley/protocol";

/** How the users of an issuer are named that is not a primary one: `identity.ts`. */
const issuedName = /^~[a-z0-9-]+~/;

/**
 * The user on whose behalf a gateway asks, as a caller: of the gateway's tenant and issuer, with what its credential is limited to, for as long as that holds. Throws FORBIDDEN.
 */
export function actedCaller(may: May, gateway: Caller, { id, name, email, roles = [] }: OnBehalfOf): Caller {
  if (gateway.gateway !== undefined) throw new ChatError("FORBIDDEN", { message: "A gateway asks for nobody twice." });
  demand(may(gateway, "gateway:act", { kind: "gateway", roles }));
  if (issuedName.exec(gateway.user.id)?.[0] !== issuedName.exec(id)?.[0])
    throw new ChatError("FORBIDDEN", { message: "This is a user of another issuer than the gateway's." });
  const user = { id, ...(name === undefined ? {} : { name }), ...(email === undefined ? {} : { email }) };
  return { ...gateway, user, roles, gateway: gateway.user.id };
}
