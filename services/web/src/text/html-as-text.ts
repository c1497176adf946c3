/** A node of a Markdown tree, as far as it is looked at here. */
interface TreeNode {
  type: string;
  value?: string;
  children?: TreeNode[];
}

interface Parser {
  data: () => object;
}

/**
 * Reads HTML as the text that it is: nothing of it would pass the schema anyway, and a person sees what the model wrote. `<br>` alone, with which models break lines
 * in tables, is what it says.
 */
export function htmlAsText(this: Parser): (tree: TreeNode) => void {
  // The parser is `this` of its plugins, and there is no other way to it.
  // oxlint-disable-next-line oxc/no-this-in-exported-function
  const data: { micromarkExtensions?: unknown[] } = this.data();
  data.micromarkExtensions ??= [];
  data.micromarkExtensions.push({ disable: { null: ["htmlFlow", "htmlText"] } });
  return breakLines;
}

const lineBreak = /<br[ \t]*\/?>/iu;

function breakLines(node: TreeNode): void {
  if (node.children === undefined) return;
  for (const child of node.children) breakLines(child);
  if (node.children.some(hasBreak)) node.children = node.children.flatMap(brokenUp);
}

function hasBreak({ type, value = "" }: TreeNode): boolean {
  return type === "text" && lineBreak.test(value);
}

function brokenUp(node: TreeNode): TreeNode[] {
  if (!hasBreak(node)) return [node];
  const lines = (node.value ?? "").split(lineBreak);
  return lines.flatMap((value, index) => [...(index === 0 ? [] : [{ type: "break" }]), { type: "text", value }]);
}
