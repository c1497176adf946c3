// The name of earlier versions, which scripts of operators have: the same as `npm run restore`.
import "./restore.mjs";
