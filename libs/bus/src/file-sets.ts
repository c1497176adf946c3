import { createHash } from "node:crypto";
import { ChatError, FileSet, FileSum, parseStored, streams, subjects, type FileId } from "@parley/protocol";
import { appendBehind, type LastOne } from "./append-behind.ts";
import type { StoredFiles } from "./file-records.ts";
import type { FileStreamDeps } from "./file-streams.ts";

/** Whose file it is: a user of one tenant is nobody of another one. */
export interface FileOwner {
  readonly user: string;
  readonly tenant?: string | undefined;
}

/** What may be kept; `Infinity`: any number. */
export interface FileQuota {
  readonly userFiles: number;
  readonly userBytes: number;
  readonly tenantBytes: number;
}

export type FileSets = ReturnType<typeof createFileSets>;

/**
 * What users and tenants keep, counted before a file begins (compare-and-set), so that uploads side by side cannot pass a quota together. Whoever dies in between leaves a place that
 * nobody uses: it is given back when files are looked after (`file-care.ts`).
 */
export function createFileSets({ jsm }: Pick<FileStreamDeps, "jsm">, stored: StoredFiles) {
  const sets = createSets(jsm, stored);
  const sums = createSums(stored);
  return {
    of: sets.of,
    sumOf: sums.of,

    /** Takes a place for a file, once. Throws QUOTA_EXCEEDED where there is none. */
    async take(
      owner: FileOwner,
      file: { readonly id: FileId; readonly bytes: number },
      quota: FileQuota,
    ): Promise<void> {
      const isNew = await sets.change(owner, (files) => {
        if (files.some(({ id }) => id === file.id)) return undefined;
        checkUser(files, file.bytes, quota);
        return [...files, { ...file, at: Date.now() }];
      });
      if (!isNew) return;
      try {
        await sums.change(owner.tenant, ({ files, bytes }) => {
          if (bytes + file.bytes > quota.tenantBytes) throw tenantFull();
          return { files: files + 1, bytes: bytes + file.bytes };
        });
      } catch (error) {
        await sets.change(owner, (files) => files.filter(({ id }) => id !== file.id));
        throw error;
      }
    },

    /** Gives it back, once. */
    async giveBack(owner: FileOwner, file: FileId): Promise<void> {
      let bytes = 0;
      const wasThere = await sets.change(owner, (files) => {
        const one = files.find(({ id }) => id === file);
        bytes = one?.bytes ?? 0;
        return one && files.filter(({ id }) => id !== file);
      });
      if (!wasThere) return;
      const without = (sum: Sum): Sum => ({
        files: Math.max(0, sum.files - 1),
        bytes: Math.max(0, sum.bytes - bytes),
      });
      await sums.change(owner.tenant, without);
    },

    walk: sets.walk,

    /** What it comes to by the records of all, where nothing was written meanwhile. */
    async correct(tenant: string | undefined, before: Sum, counted: Sum): Promise<void> {
      const isSame = (sum: Sum, other: Sum): boolean => sum.files === other.files && sum.bytes === other.bytes;
      await sums.change(tenant, (sum) => (isSame(sum, before) && !isSame(sum, counted) ? counted : undefined));
    },
  };
}

function createSets(jsm: FileStreamDeps["jsm"], stored: StoredFiles) {
  const deps = { append: stored.append, last: stored.lastOf(FileSet) };
  return {
    /** The files that the owner has begun and nobody has removed. */
    of: async (owner: FileOwner): Promise<FileSet["files"]> =>
      readable(await deps.last(setSubject(owner)))?.files ?? [],

    /** Whether `next` wanted anything else than there is. */
    async change(owner: FileOwner, next: (files: FileSet["files"]) => FileSet["files"] | undefined): Promise<boolean> {
      let hasChanged = false;
      const subject = setSubject(owner);
      const written = await appendBehind<FileSet>(deps, subject, (found, tried) => {
        if (isOwn(found, tried)) return undefined;
        const files = next(readable(found)?.files ?? []);
        hasChanged = files !== undefined;
        const whose = { user: owner.user, ...(owner.tenant === undefined ? {} : { tenant: owner.tenant }) };
        return files && { v: 1, kind: "files", n: numberAfter(found), ...whose, files };
      });
      // Nothing is kept of whoever keeps nothing. One that was written behind it stays.
      if (written?.value.files.length === 0)
        await jsm.streams.purge(streams.files, { filter: subject, seq: written.seq + 1 }).catch(() => {});
      return hasChanged;
    },

    /** All owners who keep something, one at a time. */
    async *walk(signal?: AbortSignal): AsyncGenerator<FileSet> {
      await stored.ready();
      for (let seq = 1; ;) {
        signal?.throwIfAborted();
        const found = await jsm.lookUp(streams.files, { seq, next_by_subj: subjects.fileSet("*") });
        if (found === null) return;
        seq = found.seq + 1;
        const set = FileSet.safeParse(parseStored(found.data)).data;
        if (set !== undefined) yield set;
      }
    },
  };
}

function createSums(stored: StoredFiles) {
  const deps = { append: stored.append, last: stored.lastOf(FileSum) };
  return {
    async of(tenant: string | undefined): Promise<Sum> {
      const { files, bytes } = readable(await deps.last(sumSubject(tenant))) ?? { files: 0, bytes: 0 };
      return { files, bytes };
    },

    async change(tenant: string | undefined, next: (sum: Sum) => Sum | undefined): Promise<void> {
      await appendBehind<FileSum>(deps, sumSubject(tenant), (found, tried) => {
        if (isOwn(found, tried)) return undefined;
        const { files, bytes } = readable(found) ?? { files: 0, bytes: 0 };
        const sum = next({ files, bytes });
        const whose = tenant === undefined ? {} : { tenant };
        return sum && { v: 1, kind: "sum", n: numberAfter(found), ...whose, ...sum };
      });
    },
  };
}

export type Sum = Pick<FileSum, "files" | "bytes">;

function checkUser(files: FileSet["files"], bytes: number, { userFiles, userBytes }: FileQuota): void {
  if (files.length >= userFiles) {
    const message = `You keep ${files.length} files, and no more than ${userFiles} are allowed. Remove some first.`;
    throw new ChatError("QUOTA_EXCEEDED", { message });
  }
  const kept = files.reduce((sum, one) => sum + one.bytes, 0);
  if (kept + bytes > userBytes) {
    const message = `With this file you would keep more than ${Math.floor(userBytes / 2 ** 20)} MB. Remove some files first.`;
    throw new ChatError("QUOTA_EXCEEDED", { message });
  }
}

function tenantFull(): ChatError {
  const message = "There is no room for more files of your organisation. Ask whoever runs this service.";
  return new ChatError("QUOTA_EXCEEDED", { message });
}

function isOwn<T>(found: LastOne<T> | undefined, tried: T | undefined): boolean {
  return tried !== undefined && JSON.stringify(found?.value) === JSON.stringify(tried);
}

/** Counted anew, all of what it has would be free again. */
function readable<T>(found: LastOne<T> | undefined): T | undefined {
  if (found !== undefined && found.value === undefined) {
    const message =
      "What is kept of your files was written by a newer version. Try again when all servers are of that.";
    throw new ChatError("OVERLOADED", { message });
  }
  return found?.value;
}

function numberAfter(found: LastOne<{ readonly n: number }> | undefined): number {
  return found === undefined ? 1 : (found.value?.n ?? found.seq) + 1;
}

function hashOf(key: unknown): string {
  return createHash("sha256").update(JSON.stringify(key)).digest("base64url");
}

/** One token whatever the names hold, and nobody's name in what brokers log. */
function setSubject({ user, tenant }: FileOwner): string {
  return subjects.fileSet(hashOf([tenant ?? null, user]));
}

function sumSubject(tenant: string | undefined): string {
  return subjects.fileSum(hashOf([tenant ?? null]));
}
