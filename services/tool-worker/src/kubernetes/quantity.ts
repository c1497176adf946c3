const SUFFIXES: ReadonlyMap<string, number> = new Map([
  ["n", 1e-9],
  ["u", 1e-6],
  ["m", 1e-3],
  ["", 1],
  ["k", 1e3],
  ["M", 1e6],
  ["G", 1e9],
  ["T", 1e12],
  ["P", 1e15],
  ["E", 1e18],
  ["Ki", 2 ** 10],
  ["Mi", 2 ** 20],
  ["Gi", 2 ** 30],
  ["Ti", 2 ** 40],
  ["Pi", 2 ** 50],
  ["Ei", 2 ** 60],
]);

/** A quantity as Kubernetes writes one (`250m`, `1Gi`, `2e3`), as a number; undefined for what is none. */
export function parseQuantity(text: string | undefined): number | undefined {
  const [, digits = "", suffix = ""] =
    /^([+-]?[0-9.]{1,30}(?:[eE][+-]?[0-9]{1,3})?)([a-zA-Z]{0,2})$/.exec(text ?? "") ?? [];
  const factor = SUFFIXES.get(suffix);
  const number = digits === "" ? NaN : Number(digits);
  return factor === undefined || Number.isNaN(number) ? undefined : number * factor;
}
