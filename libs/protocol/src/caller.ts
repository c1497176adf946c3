import { z } from "zod";
import type { User } from "./server-frames.ts";

/** What a caller is beside a user. It travels with turns and tool calls, so that workers can ask what it may. A newer version may add to it. */
export const CallerRights = z.object({
  /** Undefined: of no tenant. Those of one never see what another's have. */
  tenant: z.string().optional(),
  roles: z.array(z.string()),
  /** Actions to which its credential is limited, as patterns (`conversation:*`); undefined: to none. */
  scopes: z.array(z.string()).optional(),
  /** From where, as limits count it: an IPv4 address, or the /64 of an IPv6 one. */
  address: z.string().optional(),
  /** The sign-in that the token belongs to, by which it can be revoked. */
  session: z.string().optional(),
  /** Who asks on the user's behalf with a credential of its own: the user id of a gateway. Absent: nobody does. */
  gateway: z.string().optional(),
  /** When the credential runs out, ms since 1970. */
  expires: z.number().optional(),
});
export type CallerRights = z.infer<typeof CallerRights>;

/** Who asks: for each frame, request and turn there is one. */
export interface Caller extends CallerRights {
  readonly user: User;
  /** What the edge knows of the credential, by which it can be revoked: its own name, its hash, and when it was made, ms since 1970. It does not travel. */
  readonly credential?: {
    readonly id: string | undefined;
    readonly hash: string | undefined;
    readonly issuedMs: number | undefined;
  };
}

/** Whose turn or call it is. What an older edge accepted says nothing of rights: it has those of everybody. */
export function callerOf({
  user,
  caller,
}: {
  readonly user: User;
  readonly caller?: CallerRights | undefined;
}): Caller {
  return { roles: [], ...caller, user };
}

/** A caller without its user, as it travels. */
export function rightsOf({ user: _user, credential: _credential, ...rights }: Caller): CallerRights {
  return rights;
}
