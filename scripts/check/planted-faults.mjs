/** Written over an existing node_modules: the binaries of other systems are not in it, nor is a workspace. */
const incompleteLock = {
  lockfileVersion: 3,
  packages: {
    "": { name: "sample", engines: { node: ">=20.19.0" } },
    "node_modules/one": {
      version: "1.0.0",
      resolved: "https://registry.example.com/one.tgz",
      integrity: "sha512-1",
      engines: { node: ">=22" },
      dependencies: { two: "^2.0.0" },
      optionalDependencies: { "one-darwin-arm64": "1.0.0" },
    },
    "node_modules/two": { version: "1.0.0" },
  },
};

const lines = (count, line) => `${line}\n`.repeat(count);

/** Files without a fault: nothing may complain about them. */
export const soundFiles = {
  "libs/sample/src/index.ts": 'export { double } from "./double.ts";\n',
  "libs/sample/src/double.ts": "export function double(value: number): number {\n  return value * 2;\n}\n",
  "services/edge/src/transport/door.ts":
    'import type { Outlet } from "../delivery/outlet.ts";\nimport type { Cursor } from "../cursor.ts";\nexport type Door = { outlet?: Outlet; at?: Cursor };\n',
  "services/edge/src/delivery/outlet.ts": "export type Outlet = { closeCode: number };\n",
  "services/edge/src/cursor.ts": "export type Cursor = number;\n",
  "services/edge/src/edge.ts":
    'import type { Door } from "./transport/door.ts";\nexport type Edge = { door?: Door };\n',
};

/**
 * What each step must catch. `text` is planted in `file`; a line of the output must then contain both `file` and `says`.
 * A fault without `text` lies in a file that another one plants; without `file`, in several.
 */
export const plantedFaults = [
  {
    step: "lint",
    file: "libs/sample/src/cycle.ts",
    says: "no-cycle",
    text: 'import type { Other } from "./cycle-back.ts";\nexport type One = { other?: Other };\n',
  },
  {
    step: "lint",
    file: "libs/sample/src/cycle-back.ts",
    says: "no-cycle",
    text: 'import type { One } from "./cycle.ts";\nexport type Other = { one?: One };\n',
  },
  {
    step: "lint",
    file: "libs/sample/src/floating-promise.ts",
    says: "no-floating-promises",
    text: "async function save(): Promise<void> {}\nexport function onMessage(): void {\n  save();\n}\n",
  },
  {
    step: "lint",
    file: "libs/sample/src/forgotten-case.ts",
    says: "switch-exhaustiveness-check",
    text: 'export function toWord(state: "open" | "shut"): string {\n  switch (state) {\n    case "open":\n      return "o";\n  }\n  return "";\n}\n',
  },
  {
    step: "lint",
    file: "libs/sample/src/cast-input.ts",
    says: "no-unsafe-type-assertion",
    text: "type Job = { id: string };\nexport const toJob = (input: unknown): Job => input as Job;\n",
  },
  {
    step: "lint",
    file: "libs/sample/src/untyped.ts",
    says: "no-explicit-any",
    text: "export function show(value: any): string {\n  return String(value);\n}\n",
  },
  { step: "lint", file: "libs/sample/src/oversize.ts", says: "max-lines", text: lines(301, "// one more line") },
  {
    step: "lint",
    file: "libs/sample/src/long-function.ts",
    says: "max-lines-per-function",
    text: `export function count(): number {\n  let sum = 0;\n${lines(50, "  sum += 1;")}  return sum;\n}\n`,
  },
  {
    step: "lint",
    file: "libs/sample/src/environment.ts",
    says: "no-process-env",
    text: 'export const readRegion = (): string | undefined => process.env["REGION"];\n',
  },
  {
    step: "lint",
    file: "libs/sample/src/console.ts",
    says: "no-console",
    text: 'export const warn = (): void => console.warn("careful");\n',
  },
  {
    step: "lint",
    file: "libs/sample/src/unfinished.ts",
    says: "no-warning-comments",
    text: "// TODO: later\nexport const ready = false;\n",
  },
  {
    step: "lint",
    file: "libs/protocol/src/upward-import.ts",
    says: "imports nothing of ours",
    text: 'import type { Logger } from "@parley/runtime";\nexport type Log = Logger;\n',
  },
  {
    step: "lint",
    file: "libs/client/src/wide-import.ts",
    says: "Only the protocol",
    text: 'import type { Bus } from "@parley/bus";\nexport type Line = Bus;\n',
  },
  {
    step: "lint",
    file: "services/worker/src/sideways-import.ts",
    says: "never another service",
    text: 'import type { Hub } from "@parley/edge";\nexport type Neighbour = Hub;\n',
  },
  {
    step: "house-rules",
    file: "services/worker/src/stray-subject.ts",
    says: "subject:",
    text: "export const subjectOf = (conversation: string): string => `chat.turns.${conversation}`;\n",
  },
  {
    step: "house-rules",
    file: "services/worker/src/stray-stream.ts",
    says: "stream-name:",
    text: "export const streamOf = (shard: number): string => `EV_${shard}`;\n",
  },
  {
    step: "house-rules",
    file: "services/worker/src/stray-close-code.ts",
    says: "close-code:",
    text: "export const tooSlow = 4002;\n",
  },
  {
    step: "house-rules",
    file: "services/worker/src/stray-frame.ts",
    says: "frame-text:",
    text: 'export const pong = \'{"type":"pong"}\';\n',
  },
  { step: "house-rules", file: "services/worker/src/helpers.ts", says: "file-name:", text: "export const one = 1;\n" },
  {
    step: "house-rules",
    file: "services/worker/package.json",
    says: "direction:",
    text: '{ "name": "@parley/worker", "dependencies": { "@parley/edge": "0.1.0", "zod": "3.0.0" }, "exports": "./a.js" }\n',
  },
  { step: "house-rules", file: "services/worker/package.json", says: "service-export:" },
  {
    step: "house-rules",
    file: "services/edge/src/hub/outward-import.ts",
    says: "folder-arrow: hub may not import transport",
    text: 'import type { Door } from "../transport/door.ts";\nexport type Guest = { door?: Door };\n',
  },
  {
    step: "house-rules",
    file: "services/edge/src/hub/wired-import.ts",
    says: "folder-arrow: hub may not import edge.ts",
    text: 'import type { Edge } from "../edge.ts";\nexport type Whole = { edge?: Edge };\n',
  },
  {
    step: "house-rules",
    file: "services/worker/src/model/there.ts",
    says: "folder-circle: model imports tools",
    text: 'import type { Tool } from "../tools/tool.ts";\nexport type Model = { tool?: Tool };\n',
  },
  {
    step: "house-rules",
    file: "services/worker/src/tools/back.ts",
    says: "folder-circle: tools imports model",
    text: 'import type { Words } from "../model/words.ts";\nexport type Answer = { words?: Words };\n',
  },
  {
    step: "house-rules",
    file: "package-lock.json",
    says: "needs one-darwin-arm64",
    text: JSON.stringify(incompleteLock),
  },
  { step: "house-rules", file: "package-lock.json", says: "lock-manifest: libs/sample/package.json" },
  { step: "house-rules", file: "package-lock.json", says: "lock-version: node_modules/one needs two ^2.0.0" },
  { step: "house-rules", file: "package-lock.json", says: "lock-address: node_modules/one" },
  { step: "house-rules", file: "package-lock.json", says: "lock-integrity: node_modules/two" },
  { step: "house-rules", file: "package-lock.json", says: "lock-engine: node_modules/one does not allow Node 20.19.0" },
  { step: "manifests", says: "Dependency zod has multiple versions" },
  { step: "format", file: "libs/sample/src/unformatted.ts", says: "unformatted.ts", text: "export const  two=2\n" },
  { step: "types", file: "libs/sample/src/wrong-type.ts", says: "TS2322", text: 'export const three: number = "3";\n' },
  {
    step: "test-types",
    file: "libs/sample/test/wrong.test.ts",
    says: "TS2322",
    text: 'export const four: number = "4";\n',
  },
  {
    step: "page-test-types",
    file: "libs/react/test/wrong.test.tsx",
    says: "TS2322",
    text: 'export const four: number = "4";\n',
  },
  { step: "dead-code", file: "libs/sample/src/orphan.ts", says: "orphan.ts", text: "export const five = 5;\n" },
];
