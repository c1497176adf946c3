import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { listSourceFiles } from "./source-files.mjs";

/** What no linter can know: texts that may stand in the protocol only, and names that say nothing. */
const TEXT_RULES = [
  {
    id: "subject",
    pattern: /["'`]chat\.(turns|ev|live|log|signal|owner)\b/,
    says: "a subject is built by `subjects` of @parley/protocol",
  },
  {
    id: "stream-name",
    pattern: /["'`](TURNS["'`]|(EV|LOG)_(\$\{|\d))/,
    says: "a stream is named by `streams` of @parley/protocol",
  },
  {
    id: "queue-name",
    pattern: /new (Queue|QueueEvents|Worker)(<[^>]*>)?\(\s*["'`]/,
    says: "a queue is named by @parley/protocol",
  },
  {
    id: "close-code",
    pattern: /\b(400[12468]|450[0134])\b/,
    says: "a close code comes from `closeCodes` of @parley/protocol (a plain number is written 4_500)",
    testsToo: false,
  },
  {
    id: "frame-text",
    pattern: /["'`]\s*\{\s*\\?"type\\?"\s*:/,
    says: "a frame is encoded by @parley/protocol, not written by hand",
    testsToo: false,
  },
];

const EMPTY_NAMES = /^(utils?|helpers?|common|misc|[a-z-]*manager)$/;

const isTest = (path) => /(^|\/)test\//.test(path);
const isProtocol = (path) => path.startsWith("libs/protocol/");
const isGate = (path) => path.startsWith("scripts/check/");

/** Every violation below `root`, as `path:line  rule: sentence`. */
export function findTextProblems(root) {
  return listSourceFiles(root).flatMap((path) => [...nameProblems(path), ...textProblems(root, path)]);
}

function nameProblems(path) {
  const name = basename(path).split(".")[0];
  return EMPTY_NAMES.test(name) ? [`${path}:1  file-name: "${name}" does not say what is in the file`] : [];
}

function textProblems(root, path) {
  if (isProtocol(path) || isGate(path)) return [];
  const rules = TEXT_RULES.filter(({ testsToo = true }) => testsToo || !isTest(path));
  const lines = withoutComments(readFileSync(join(root, path), "utf8")).split("\n");
  return lines.flatMap((line, index) =>
    rules.filter(({ pattern }) => pattern.test(line)).map(({ id, says }) => `${path}:${index + 1}  ${id}: ${says}`),
  );
}

/** Comments may name a subject. Line breaks stay, so that line numbers stay right. */
function withoutComments(source) {
  return source
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ""))
    .replace(/(^|\s)\/\/.*$/gm, "$1");
}
