/**
 * The script that stands in the pages of others, small and never kept by caches: what it loads is named by its content. It must work as a script of the
 * old kind too, which shares its names with all others of the page: so it has none, and imports nothing before it runs.
 */
void import("./element.ts").then(({ defineParleyChat }) => defineParleyChat());
