import type { StandingAmong } from "./standing.ts";

/** What a caller may ask for, and the kind of thing it asks it of. */
export const actions = {
  "conversation:read": "conversation",
  "conversation:send": "conversation",
  "conversation:cancel": "conversation",
  "conversation:queue": "conversation",
  "conversation:title": "conversation",
  "conversation:feedback": "conversation",
  "conversation:decide": "conversation",
  "conversation:delete": "conversation",
  "conversation:react": "conversation",
  "conversation:pin": "conversation",
  "conversation:leave": "conversation",
  "conversation:people": "conversation",
  "conversation:list": "user",
  "session:list": "user",
  "session:end": "user",
  "connection:list": "user",
  "connection:change": "user",
  "memory:read": "user",
  "memory:change": "user",
  "notices:read": "user",
  "notices:change": "user",
  "usage:read": "user",
  "privacy:export": "user",
  "privacy:erase": "user",
  "file:read": "file",
  "file:write": "file",
  "agent:use": "agent",
  "model:use": "model",
  "tool:run": "tool",
  "approval:decide": "approval",
  "documents:read": "documents",
  "documents:write": "documents",
  "handover:answer": "handover",
  "gateway:act": "gateway",
  "service:read": "service",
  "service:audit": "service",
  "service:feedback": "service",
  "service:usage": "service",
  "service:block": "service",
  "service:revoke": "service",
  "service:drain": "service",
  "service:hold": "service",
  "service:erase": "service",
  "service:export": "service",
} as const;
export type Action = keyof typeof actions;

/** What something is asked of. */
export type Resource =
  /** `owner` undefined: it is nobody's yet. `tenant`: of whose it was made. */
  | {
      readonly kind: "conversation";
      readonly owner: string | undefined;
      readonly tenant: string | undefined;
      /** As what the caller stands in it, where it has people: see `standingAmong`. Absent: it has only its owner. */
      readonly standing?: StandingAmong;
      /** Whose turn or message it is about. Absent: none of a known author, so the caller must ask again when it is known. */
      readonly author?: string | undefined;
    }
  /** What a call of somebody else's turn waits for. `tenant`: of whose it is. */
  | { readonly kind: "approval"; readonly tenant: string | undefined }
  /** A conversation that waits for a person, or has one. `tenant`: of whose it is. */
  | { readonly kind: "handover"; readonly tenant: string | undefined }
  /** What a user has beside conversations. */
  | { readonly kind: "user"; readonly id: string }
  | { readonly kind: "agent" | "model" | "tool"; readonly name: string }
  /** A file that no conversation has yet. `owner`: who brought it. */
  | { readonly kind: "file"; readonly owner: string; readonly tenant: string | undefined }
  /** The documents of the caller's own tenant: no others can be named. */
  | { readonly kind: "documents" }
  /** Users of the caller's own tenant and issuer, who are given these roles. */
  | { readonly kind: "gateway"; readonly roles: readonly string[] }
  /** The deployment itself. */
  | { readonly kind: "service" };

type KindOf<A extends Action> = (typeof actions)[A];
export type ResourceOf<A extends Action> =
  KindOf<A> extends "agent" | "model" | "tool"
    ? { readonly kind: KindOf<A>; readonly name: string }
    : Extract<Resource, { readonly kind: KindOf<A> }>;
