import { afterWait, type CountRow, type RateRow } from "./limit-row.ts";

const hour = 3_600_000;
const filesTest = "services/edge/test/file-limits.int.test.ts";

/** What files may cost: rows of `limitTable`. */
export const fileLimitRows = {
  new_files_per_user: {
    kind: "rate",
    rate: 120,
    burst: 120,
    unit: "files that one user begins, per hour",
    everyMs: hour,
    counted: "fleet",
    code: "RATE_LIMITED",
    reason: "A person drops a folder of pictures now and then; each file is sniffed, hashed and kept.",
    answer: `${afterWait}; the file is not begun`,
    test: filesTest,
  },
  uploads_per_user: {
    kind: "count",
    most: 4,
    unit: "uploads of one user and process at a time",
    counted: "process",
    code: "RATE_LIMITED",
    reason: "Browsers send about six requests at once; each upload takes up to 3 MB of this process.",
    answer: "429 `RATE_LIMITED` with Retry-After; what is stored of the file stays",
    test: filesTest,
  },
  uploads_per_address: {
    kind: "count",
    most: 16,
    unit: "uploads of one address and process at a time",
    counted: "process",
    code: "RATE_LIMITED",
    reason: "An office behind one address; a process takes 64 in all, so one host cannot have them.",
    answer: "as `uploads_per_user`",
    test: filesTest,
  },
  files_per_user: {
    kind: "count",
    most: 1_000,
    unit: "files that one user keeps",
    counted: "fleet",
    code: "QUOTA_EXCEEDED",
    reason:
      "Years of pictures and documents in chats; all of them are one record, so 4,000 is the most that can be set.",
    answer: "429 `QUOTA_EXCEEDED`: remove files, or conversations that have them",
    test: filesTest,
  },
  file_bytes_per_user: {
    kind: "count",
    most: 2_147_483_648,
    unit: "bytes of files that one user keeps",
    counted: "fleet",
    code: "QUOTA_EXCEEDED",
    reason: "Eight of the largest files, or some thousand pictures; a fifth of what the store has by default.",
    answer: "as `files_per_user`",
    test: filesTest,
  },
  file_bytes_per_tenant: {
    kind: "count",
    most: 107_374_182_400,
    unit: "bytes of files that one tenant keeps",
    counted: "fleet",
    code: "QUOTA_EXCEEDED",
    reason: "Fifty users who each fill theirs; one tenant must not take the disk of all.",
    answer: "429 `QUOTA_EXCEEDED`",
    test: filesTest,
  },
} as const satisfies Record<string, RateRow | CountRow>;
