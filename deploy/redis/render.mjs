import { redisRoles } from "./roles.mjs";

// Prints users.acl: node --import tsx --conditions=source deploy/redis/render.mjs

function userLine([name, { keys, reads, commands }]) {
  const patterns = [...keys.map((key) => `~${key}`), ...reads.map((key) => `%R~${key}`)];
  return [
    "user",
    name,
    "on",
    `#REDIS_${name.toUpperCase()}_PASSWORD`,
    "resetchannels",
    ...patterns,
    "-@all",
    ...commands,
  ];
}

const lines = [
  "# Who may do what in Redis (7.0 or newer), by role. Written by deploy/redis/render.mjs from the keys in libs/protocol: do not edit.",
  "# deploy/redis/start.sh puts hashes of the passwords in their places.",
  ...Object.entries(redisRoles).map((role) => userLine(role).join(" ")),
  "# For people: may do everything. Whoever names no user is this one.",
  "user default on #REDIS_OPERATOR_PASSWORD ~* &* +@all",
];
process.stdout.write(`${lines.join("\n")}\n`);
