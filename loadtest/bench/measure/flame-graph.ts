import { readFileSync, writeFileSync } from "node:fs";
import { z } from "zod";

const CpuProfile = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string() }),
      children: z.array(z.number()).optional(),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});
type CpuProfile = z.infer<typeof CpuProfile>;

/** Calls of one function from one place, with all the time below it, in µs. */
interface Frame {
  readonly name: string;
  readonly origin: string;
  us: number;
  readonly below: Map<string, Frame>;
}

const widthPx = 1_200;
const rowPx = 15;
/** What is narrower says nothing any more. */
const leastShare = 0.003;
const mostRows = 42;
const charPx = 6.2;

const colours: Readonly<Record<string, string>> = {
  parley: "#4c9f70",
  "nats client": "#d98c3f",
  node: "#7d8fb3",
  "other packages": "#b78fc4",
  engine: "#b5b5b5",
};

/** Whose code it is. */
function originOf(name: string, url: string): string {
  if (url.includes("@nats-io/")) return "nats client";
  if (url.includes("/node_modules/")) return "other packages";
  if (url.startsWith("node:")) return "node";
  return url === "" || name.startsWith("(") ? "engine" : "parley";
}

/** The profile from its roots, calls of the same function joined; time in which the process waited is left out. */
function framesOf({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const selfUs = new Map<number, number>();
  samples.forEach((id, i) => selfUs.set(id, (selfUs.get(id) ?? 0) + (timeDeltas[i] ?? 0)));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const add = (id: number, parent: Frame): number => {
    const node = byId.get(id);
    if (node === undefined || node.callFrame.functionName === "(idle)") return 0;
    const { functionName, url } = node.callFrame;
    const name = functionName === "" ? "(anonymous)" : functionName;
    const origin = originOf(name, url);
    const key = `${name} ${origin}`;
    let frame = parent.below.get(key);
    if (frame === undefined) parent.below.set(key, (frame = { name, origin, us: 0, below: new Map() }));
    const us = (node.children ?? []).reduce((sum, child) => sum + add(child, frame), selfUs.get(id) ?? 0);
    frame.us += us;
    return us;
  };
  const all: Frame = { name: "all", origin: "engine", us: 0, below: new Map() };
  for (const child of nodes[0]?.children ?? []) all.us += add(child, all);
  return all;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** An icicle: what called is above what was called, and as wide as its share of the time. */
export function flameGraph(profile: CpuProfile, title: string): string {
  const all = framesOf(profile);
  const parts: string[] = [];
  let rows = 0;
  const draw = (frame: Frame, x: number, row: number): void => {
    const share = frame.us / all.us;
    if (share < leastShare || row >= mostRows) return;
    rows = Math.max(rows, row + 1);
    const width = share * widthPx;
    const y = 46 + row * rowPx;
    const label = frame.name.slice(0, Math.max(0, Math.floor((width - 4) / charPx)));
    const about = `${escaped(frame.name)} (${frame.origin}): ${(share * 100).toFixed(1)} %`;
    const box = `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${rowPx - 1}" fill="${colours[frame.origin]}"/>`;
    const text = label.length < 3 ? "" : `<text x="${(x + 2).toFixed(1)}" y="${y + 11}">${escaped(label)}</text>`;
    parts.push(`<g><title>${about}</title>${box}${text}</g>`);
    let left = x;
    for (const child of [...frame.below.values()].toSorted((a, b) => b.us - a.us)) {
      draw(child, left, row + 1);
      left += (child.us / all.us) * widthPx;
    }
  };
  draw(all, 0, 0);
  const legend = Object.entries(colours).map(
    ([name, colour], i) =>
      `<rect x="${i * 130}" y="24" width="12" height="12" fill="${colour}"/><text x="${i * 130 + 16}" y="34">${name}</text>`,
  );
  const height = 50 + rows * rowPx;
  const heading = `<text x="0" y="14" font-weight="bold">${escaped(title)}: ${(all.us / 1e6).toFixed(1)} s of processor time</text>`;
  const frame = `width="${widthPx}" height="${height}" viewBox="0 0 ${widthPx} ${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${frame} font-family="monospace" font-size="10"><rect width="100%" height="100%" fill="white"/>${heading}${legend.join("")}\n${parts.join("\n")}\n</svg>\n`;
}

/** Draws a `.cpuprofile` that `--profile` has written. */
export function drawFlameGraph(profileFile: string, svgFile: string, title: string): void {
  writeFileSync(svgFile, flameGraph(CpuProfile.parse(JSON.parse(readFileSync(profileFile, "utf8"))), title));
}
