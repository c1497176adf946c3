import { fileURLToPath } from "node:url";

/** The checkout, whether this file runs from `src` or from `dist`. */
export const repositoryRoot = fileURLToPath(new URL("../../../", import.meta.url));
