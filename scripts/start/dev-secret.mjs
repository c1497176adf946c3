import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { dataDir } from "../setup/paths.mjs";

const SECRET_BYTES = 32;

/** The secret that signs development tokens: random, made once per checkout, so that tokens outlive a restart. */
export function devSecret() {
  const file = path.join(dataDir, "dev-secret");
  mkdirSync(dataDir, { recursive: true });
  try {
    writeFileSync(file, randomBytes(SECRET_BYTES).toString("hex"), { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  return readFileSync(file, "utf8").trim();
}
