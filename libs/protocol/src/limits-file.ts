import { z } from "zod";
import { RightsByRole } from "./role-rights.ts";
import { limitTable, type CountName, type RateName } from "./limit-table.ts";
import { Quotas } from "./quotas.ts";
import { Erasure, Retention } from "./retention.ts";

const most = 1_000_000_000;
const mostBytes = 1_000_000_000_000_000;
const Count = z.int().min(1).max(most);

function count(name: CountName) {
  return Count.default(limitTable[name].most);
}

function bytes(name: CountName) {
  return z.int().min(1).max(mostBytes).default(limitTable[name].most);
}

/** So many in the row's unit of time, and so many at once. What is left out is the table's. */
function rate(name: RateName) {
  const row = limitTable[name];
  return z
    .strictObject({ rate: z.number().positive().max(most).default(row.rate), burst: Count.default(row.burst) })
    .prefault({});
}

/** What each row of the table says in this deployment. */
export const Limits = z.strictObject({
  accepted_per_address: rate("accepted_per_address"),
  new_connections_per_address: rate("new_connections_per_address"),
  requests_per_address: rate("requests_per_address"),
  requests_per_user: rate("requests_per_user"),
  sockets_per_address: count("sockets_per_address"),
  sockets_per_user: count("sockets_per_user"),
  opening_sockets: count("opening_sockets"),
  opening_sockets_per_address: count("opening_sockets_per_address"),
  frames_per_socket: rate("frames_per_socket"),
  bytes_per_socket: rate("bytes_per_socket"),
  turns_per_user: rate("turns_per_user"),
  turns_per_tenant: rate("turns_per_tenant"),
  open_turns_per_user: count("open_turns_per_user"),
  open_turns_per_tenant: count("open_turns_per_tenant"),
  new_conversations_per_user: rate("new_conversations_per_user"),
  messages_per_conversation: count("messages_per_conversation"),
  log_bytes_per_user: bytes("log_bytes_per_user"),
  log_bytes_per_tenant: bytes("log_bytes_per_tenant"),
  new_files_per_user: rate("new_files_per_user"),
  uploads_per_user: count("uploads_per_user"),
  uploads_per_address: count("uploads_per_address"),
  files_per_user: count("files_per_user"),
  file_bytes_per_user: bytes("file_bytes_per_user"),
  file_bytes_per_tenant: bytes("file_bytes_per_tenant"),
  subscriptions_per_socket: count("subscriptions_per_socket"),
  connections_at_lag_ms: count("connections_at_lag_ms"),
  new_conversations_at_lag_ms: count("new_conversations_at_lag_ms"),
  messages_at_lag_ms: count("messages_at_lag_ms"),
  new_conversations_at_queue_age_ms: count("new_conversations_at_queue_age_ms"),
  messages_at_queue_age_ms: count("messages_at_queue_age_ms"),
});
export type Limits = z.infer<typeof Limits>;
export type Rate = Limits[RateName];

const maxRanges = 1_000;
const range = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
  error: "must be an address, or a range of addresses such as 203.0.113.0/24 or 2001:db8::/32",
});
const Ranges = z.array(range).max(maxRanges).default([]);

/** Who may come from where: what is allowed is never blocked, what is denied gets nothing. An address in both is allowed. */
export const AddressRules = z.strictObject({ allow: Ranges, deny: Ranges });
export type AddressRules = z.infer<typeof AddressRules>;

/** `config/limits.yaml`: what callers may do by their roles, what they may cost, and from where they may come. */
export const LimitsFile = z.strictObject({
  roles: RightsByRole,
  limits: Limits.prefault({}),
  quotas: Quotas.prefault({}),
  addresses: AddressRules.default({ allow: [], deny: [] }),
  retention: Retention.prefault({}),
  erasure: Erasure.prefault({}),
});
export type LimitsFile = z.infer<typeof LimitsFile>;
