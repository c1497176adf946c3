/** Which languages are coloured, under the names that models give them; the highlighter itself is loaded when the first of them is shown. */

export type Highlight = (code: string, language: string) => string;

const titles: Readonly<Record<string, string>> = {
  bash: "Shell",
  diff: "Diff",
  dockerfile: "Dockerfile",
  go: "Go",
  json: "JSON",
  python: "Python",
  sql: "SQL",
  typescript: "TypeScript",
  xml: "XML",
  yaml: "YAML",
};

const aliases = new Map(
  Object.entries({
    ...{ sh: "bash", shell: "bash", zsh: "bash", console: "bash", shellsession: "bash" },
    ...{ patch: "diff", docker: "dockerfile", golang: "go" },
    ...{ jsonc: "json", json5: "json", jsonl: "json" },
    ...{ py: "python", python3: "python", postgresql: "sql", mysql: "sql", sqlite: "sql" },
    ...{ ts: "typescript", tsx: "typescript", js: "typescript", jsx: "typescript", javascript: "typescript" },
    ...{ html: "xml", svg: "xml", xhtml: "xml", yml: "yaml", k8s: "yaml", helm: "yaml" },
  }),
);

const ownTitles = new Map([
  ["javascript", "JavaScript"],
  ["js", "JavaScript"],
  ["html", "HTML"],
  ["svg", "SVG"],
]);

/** Undefined: it is not coloured. */
export function languageFor(name: string): string | undefined {
  const lower = name.toLowerCase();
  const language = aliases.get(lower) ?? lower;
  return Object.hasOwn(titles, language) ? language : undefined;
}

/** What stands above a block: at most so many characters of what the model wrote. */
const titleChars = 24;

export function languageTitle(name: string): string {
  const known = languageFor(name);
  return ownTitles.get(name.toLowerCase()) ?? (known === undefined ? name.slice(0, titleChars) : (titles[known] ?? ""));
}

let loading: Promise<Highlight> | undefined;

export function loadHighlighter(): Promise<Highlight> {
  loading ??= import("./highlighter.ts").then(({ highlight }) => highlight);
  // The next block tries again.
  loading.catch(() => (loading = undefined));
  return loading;
}
