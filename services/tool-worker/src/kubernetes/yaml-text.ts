import { dumpYaml } from "@kubernetes/client-node";

/** As kubectl prints it: no line is broken, and nothing is referred to instead of being said. */
export function yamlText(value: unknown): string {
  return dumpYaml(value, { lineWidth: -1, noRefs: true });
}
