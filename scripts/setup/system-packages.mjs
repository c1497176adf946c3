import { readFileSync } from "node:fs";
import { findProgram, run } from "./commands.mjs";
import { SetupError } from "./setup-error.mjs";

const APT_DEADLINE_MS = 10 * 60_000;

/** Which system this is: "debian" (and its children), "fedora", "macos", "windows" or "linux". */
function systemFamily(platform = process.platform, readOsRelease = () => readFileSync("/etc/os-release", "utf8")) {
  if (platform === "darwin") return "macos";
  if (platform === "win32") return "windows";
  try {
    const names = [...readOsRelease().matchAll(/^(?:ID|ID_LIKE)="?([^"\n]*)"?$/gm)].flatMap((match) =>
      match[1].split(" "),
    );
    if (names.some((name) => ["debian", "ubuntu"].includes(name))) return "debian";
    if (names.some((name) => ["fedora", "rhel", "centos"].includes(name))) return "fedora";
  } catch {
    // No such file: a system that we know nothing of.
  }
  return "linux";
}

const programsOf = {
  "nats-server": { brew: "nats-server", dnf: undefined, site: "https://nats.io/download" },
  "redis-server": { brew: "redis", dnf: "valkey", site: "https://redis.io/downloads" },
  chromium: { brew: "--cask chromium", dnf: "chromium", site: "https://www.chromium.org" },
};

/** What to type on this system to install these (given by their Debian names). */
export function installAdvice(packages, family = systemFamily()) {
  if (family === "debian") return `sudo apt-get update && sudo apt-get install -y ${packages.join(" ")}`;
  if (family === "macos") return packages.map((name) => `brew install ${programsOf[name].brew}`).join(" && ");
  if (family === "windows") return `in WSL (Ubuntu): sudo apt-get install -y ${packages.join(" ")}`;
  const known = family === "fedora" ? packages.filter((name) => programsOf[name].dnf !== undefined) : [];
  const others = packages.filter((name) => !known.includes(name));
  const parts = others.map((name) => `${name} from ${programsOf[name].site}`);
  if (known.length > 0) parts.unshift(`sudo dnf install ${known.map((name) => programsOf[name].dnf).join(" ")}`);
  return parts.join(", and ");
}

/** Whether we may install packages here without asking anybody. */
export function canInstall() {
  return systemFamily() === "debian" && process.getuid?.() === 0 && findProgram(["apt-get"]) !== undefined;
}

async function apt(args, { note, signal }) {
  let hasSaid = "";
  return run("apt-get", [...args, "-o", "DPkg::Lock::Timeout=120"], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    timeoutMs: APT_DEADLINE_MS,
    signal,
    onLine: (line) => {
      const step = /^(Unpacking|Setting up) (\S+)/.exec(line);
      if (step === null || hasSaid === step[0]) return;
      hasSaid = step[0];
      note(`${step[1].toLowerCase()} ${step[2]}`);
    },
  });
}

/** Installs Debian packages. Touches no service that they may bring. */
export async function installPackages(packages, { note, signal }) {
  note("apt-get update");
  // A mirror that fails here may still have what is asked for below.
  await apt(["update", "-q"], { note, signal });
  note(`apt-get install ${packages.join(" ")}`);
  const { code, output } = await apt(["install", "-y", "-q", "--no-install-recommends", ...packages], { note, signal });
  if (code === 0) return;
  const reason = /^E: (.*)$/m.exec(output)?.[1] ?? "it did not say why";
  throw new SetupError(`apt-get could not install ${packages.join(" and ")}: ${reason.replace(/\.?$/, ".")}`);
}
