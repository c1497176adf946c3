import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type {
  AppControllerRoute,
  AppViewRoute,
  BullBoardQueues,
  IServerAdapter,
  UIConfig,
} from "@bull-board/api/typings/app";

/** A request of a browser for a page of the board; the path begins behind the board's own. */
export interface BoardRequest {
  readonly path: string;
  readonly query: URLSearchParams;
}

export interface BoardReply {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
}

/** What bull-board says of itself while it is made. */
interface BoardParts {
  queues: BullBoardQueues;
  viewsPath: string;
  staticPath: string;
  entry: AppViewRoute | undefined;
  api: AppControllerRoute[];
  config: UIConfig;
}

const types: Readonly<Record<string, string>> = {
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".json": "application/json",
};

/** The side of bull-board that would be Express. Only what reads is answered: there is no route for anything else. */
export function createBoardServer() {
  const parts: BoardParts = { queues: new Map(), viewsPath: "", staticPath: "", entry: undefined, api: [], config: {} };
  const adapter: IServerAdapter = {
    setQueues: (queues) => set({ queues }),
    setViewsPath: (viewsPath) => set({ viewsPath }),
    setStaticPath: (_, staticPath) => set({ staticPath }),
    setEntryRoute: (entry) => set({ entry }),
    // Ours says less: what has failed is in the log.
    setErrorHandler: () => adapter,
    setApiRoutes: (api) => set({ api: api.filter(({ method }) => [method].flat().includes("get")) }),
    setUIConfig: (config) => set({ config }),
  };
  function set(some: Partial<BoardParts>): IServerAdapter {
    Object.assign(parts, some);
    return adapter;
  }
  return { adapter, open: (basePath: string) => openBoard(parts, basePath) };
}

/** Files are looked up among those that are there, so that no path leads elsewhere. */
async function openBoard(parts: BoardParts, basePath: string) {
  const files = await readdir(parts.staticPath, { recursive: true, withFileTypes: true });
  const known = new Map<string, string>(
    files
      .filter((file) => file.isFile())
      .map((file) => {
        const full = path.join(file.parentPath, file.name);
        return [`/static/${path.relative(parts.staticPath, full).split(path.sep).join("/")}`, full] as const;
      }),
  );
  const page = await renderPage(parts, basePath);
  const entries = [parts.entry?.route ?? []].flat().map(patternOf);
  const api = parts.api.flatMap((route) => [route.route].flat().map((one) => ({ pattern: patternOf(one), route })));

  return async ({ path: at, query }: BoardRequest): Promise<BoardReply> => {
    const file = known.get(at);
    if (file !== undefined)
      return { status: 200, type: types[path.extname(file)] ?? "application/octet-stream", body: await readFile(file) };
    for (const { pattern, route } of api) {
      const params = paramsOf(pattern, at);
      if (params === undefined) continue;
      const { queues, config: uiConfig } = parts;
      const request = { queues, uiConfig, query: Object.fromEntries(query), params, body: {}, headers: {} };
      const { status = 200, body } = await route.handler(request);
      return { status, type: "application/json", body: JSON.stringify(body) };
    }
    if (entries.some((pattern) => pattern.test(at)))
      return { status: 200, type: "text/html; charset=utf-8", body: page };
    return { status: 404, type: "application/json", body: '{"error":"There is nothing here."}' };
  };
}

/** `/queue/:name` as what matches it. */
function patternOf(route: string): RegExp {
  const parts = route.split("/").map((part) => (part.startsWith(":") ? `(?<${part.slice(1)}>[^/]+)` : part));
  return new RegExp(`^${parts.join("/")}$`);
}

function paramsOf(pattern: RegExp, at: string): Record<string, string> | undefined {
  const match = pattern.exec(at);
  if (match === null) return undefined;
  const given = Object.entries(match.groups ?? {});
  return Object.fromEntries(given.map(([name, value]) => [name, decoded(value)]));
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    // Of no job and no queue.
    return value;
  }
}

async function renderPage({ viewsPath, entry, config }: BoardParts, basePath: string): Promise<string> {
  const view = entry?.handler({ basePath, uiConfig: config });
  if (view === undefined) throw new Error("bull-board has no page.");
  const template = await readFile(path.join(viewsPath, view.name), "utf8");
  return template
    .replaceAll(/<link[^>]*https:\/\/fonts[^>]*>/g, "")
    .replaceAll(/<%([-=])\s*(\w+)\s*%>/g, (_, sign: string, name: string) => {
      const value = view.params[name] ?? "";
      return sign === "-" ? value : escaped(value);
    });
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
