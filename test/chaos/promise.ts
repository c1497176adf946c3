/** The promises of docs/architecture.md that are checked. */
export type PromiseId = "P1" | "P2" | "P3" | "P4" | "P5" | "P6" | "P7" | "P9" | "P11";
