/** The bundler reads them; their names are all that TypeScript has to know. */
declare module "*.css";
