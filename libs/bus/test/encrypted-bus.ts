import { randomBytes } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { createLogger, encryptionFields, readConfig } from "@parley/runtime";
import { startNats, tempDir, type NatsServer } from "@parley/testkit";
import { z } from "zod";
import { openBus, openEncryption, type Bus, type Encryption } from "../src/index.ts";

export const newMaster = (): string => randomBytes(32).toString("base64");

const log = createLogger({ service: "test", level: "silent", format: "json" });

/** Each with the master keys that a file names. */
export interface EncryptedBench {
  readonly nats: NatsServer;
  /** The broker's folder. */
  readonly store: string;
  /** Of the keys. */
  readonly file: string;
  /** Another process of the deployment. */
  open(settings?: Record<string, string>, mayMakeKeys?: Encryption["mayMakeKeys"]): Promise<Bus>;
  [Symbol.asyncDispose](): Promise<void>;
}

const Config = z.object(encryptionFields());

/** A broker, and processes that seal what they write to it. */
export async function openEncryptedBench(
  keys = `default: [{ id: one, key: ${newMaster()} }]`,
): Promise<EncryptedBench> {
  const [folder, store] = await Promise.all([tempDir(), tempDir()]);
  const nats = await startNats({ dir: store.path });
  const file = path.join(folder.path, "keys.yaml");
  await writeFile(file, keys);
  const opened: Bus[] = [];
  return {
    nats,
    store: store.path,
    file,
    async open(settings = { ENCRYPTION_KEYS_FILE: file }, mayMakeKeys = "all") {
      const encryption = await openEncryption(readConfig(Config, settings), { mayMakeKeys, log });
      const bus = await openBus({ servers: nats.url, name: "test", log, ackWaitMs: 20_000, ...encryption });
      opened.push(bus);
      return bus;
    },
    async [Symbol.asyncDispose]() {
      for (const bus of opened) await bus.close();
      await nats[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Files below a folder that have these bytes. */
export async function filesWith(folder: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    if ((await readFile(file)).includes(text)) found.push(file);
  }
  return found;
}
