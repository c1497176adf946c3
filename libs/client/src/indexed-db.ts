import type { SendStore, StoredMessage } from "./send-store.ts";

/** The part of IndexedDB that is used. Its own types are those of browsers, which this library does not ask for. */
interface Target<Event extends string> {
  readonly error?: unknown;
  readonly addEventListener: (type: Event, listener: () => void) => void;
}
interface Request<T, Event extends string = "success" | "error"> extends Target<Event> {
  readonly result: T;
}
interface Database extends Target<"versionchange" | "close"> {
  readonly createObjectStore: (name: string) => unknown;
  readonly transaction: (name: string, mode: "readonly" | "readwrite") => Transaction;
  readonly close: () => void;
}
interface Transaction extends Target<"complete" | "abort"> {
  readonly objectStore: (name: string) => ObjectStore;
}
interface ObjectStore {
  readonly getAll: () => Request<readonly unknown[]>;
  readonly put: (value: unknown, key: string) => unknown;
  readonly delete: (key: string) => unknown;
}
/** `globalThis.indexedDB`, where there is one. */
export interface IndexedDbFactory {
  readonly open: (name: string, version: number) => Request<Database, "success" | "error" | "upgradeneeded">;
}

export interface IndexedDbOptions {
  /** Default: the browser's. */
  readonly indexedDB?: IndexedDbFactory;
  /** How long opening may take: another tab may hold an older version of it open. */
  readonly openMs?: number;
}

const table = "messages";

/**
 * A store of messages in the browser's IndexedDB, under this name. Where there is none, or none that can be opened (private windows, a full disk, site data
 * switched off), messages live as long as the page does.
 */
export function createIndexedDbStore(name: string, options: IndexedDbOptions = {}): SendStore {
  const inMemory = new Map<string, StoredMessage>();
  let opened: Promise<Database | undefined> | undefined;

  /** `undefined`: there is no database. One that was closed by somebody else is opened again the next time. */
  function database(): Promise<Database | undefined> {
    opened ??= open(name, options, () => (opened = undefined)).catch(() => undefined);
    return opened;
  }

  async function write(work: (store: ObjectStore) => void): Promise<void> {
    const found = await database();
    if (found !== undefined) await done(found, work).catch(() => undefined);
  }

  return {
    load: async () => {
      const found = await database();
      const stored = found === undefined ? [] : await all(found).catch(() => []);
      return [...new Map([...stored.map(withKey), ...inMemory]).values()];
    },
    save: (message) => {
      inMemory.set(keyOf(message), message);
      return write((store) => void store.put(message, keyOf(message)));
    },
    remove: (message) => {
      inMemory.delete(keyOf(message));
      return write((store) => void store.delete(keyOf(message)));
    },
  };
}

function keyOf({ user_id, conversation_id, frame: { id } }: StoredMessage): string {
  return JSON.stringify([user_id, conversation_id, id]);
}

function withKey(message: StoredMessage): readonly [string, StoredMessage] {
  return [keyOf(message), message];
}

function open(
  name: string,
  { indexedDB = foundIndexedDb(globalThis), openMs = 2_000 }: IndexedDbOptions,
  onClosed: () => void,
): Promise<Database | undefined> {
  if (indexedDB === undefined) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    let isLate = false;
    const timer = setTimeout(() => resolve(void (isLate = true)), openMs);
    request.addEventListener("upgradeneeded", () => void request.result.createObjectStore(table));
    request.addEventListener("success", () => {
      clearTimeout(timer);
      const { result } = request;
      if (isLate) return result.close();
      // Somebody deletes it or makes a newer version: it must not wait for this page.
      result.addEventListener("versionchange", () => {
        result.close();
        onClosed();
      });
      result.addEventListener("close", onClosed);
      resolve(result);
    });
    request.addEventListener("error", () => {
      clearTimeout(timer);
      reject(new Error("the database cannot be opened", { cause: request.error }));
    });
  });
}

function foundIndexedDb(globals: object): IndexedDbFactory | undefined {
  const found: unknown = Reflect.get(globals, "indexedDB");
  return isFactory(found) ? found : undefined;
}

function isFactory(found: unknown): found is IndexedDbFactory {
  return typeof found === "object" && found !== null && "open" in found;
}

/** Resolves when it is on disk. */
function done(database: Database, work: (store: ObjectStore) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(table, "readwrite");
    transaction.addEventListener("complete", () => resolve());
    transaction.addEventListener("abort", () => reject(new Error("nothing was written", { cause: transaction.error })));
    work(transaction.objectStore(table));
  });
}

function all(database: Database): Promise<StoredMessage[]> {
  return new Promise((resolve, reject) => {
    const request = database.transaction(table, "readonly").objectStore(table).getAll();
    request.addEventListener("success", () => resolve(request.result.filter(isStoredMessage)));
    request.addEventListener("error", () => reject(new Error("nothing could be read", { cause: request.error })));
  });
}

/** Another version of the page may have written it. */
function isStoredMessage(value: unknown): value is StoredMessage {
  const fields = { user_id: "string", conversation_id: "string", kept_at: "number" };
  if (!hasFields(value, fields) || !hasFields(value["frame"], { type: "string", id: "string", message: "string" })) {
    return false;
  }
  const { frame, error } = value;
  if (hasFields(frame, {}) && frame["type"] !== "message") return false;
  return error === undefined || hasFields(error, { code: "string", error: "string", retryable: "boolean" });
}

function hasFields(
  value: unknown,
  types: Readonly<Record<string, string>>,
): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.entries(types).every(([name, type]) => typeof Reflect.get(value, name) === type)
  );
}
