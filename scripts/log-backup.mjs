// The name of earlier versions, which scripts of operators have: the same as `npm run backup`.
import "./backup.mjs";
