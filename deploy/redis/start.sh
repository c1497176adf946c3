#!/bin/sh
# Starts redis-server with the users of users.acl beside this file; its arguments are those of redis-server.
#
# The passwords come from the environment (REDIS_EDGE_PASSWORD, …). Redis reads the users from its standard input, with a hash in the place
# of each password: none of them is in a file or in the list of processes.
# OPEN=1: whoever names no user may do everything without a password, for development.
set -eu

users=$(grep '^user ' "$(dirname "$0")/users.acl")
missing=""
for role in EDGE AGENT TOOL SCALER OPERATOR; do
  eval "password=\${REDIS_${role}_PASSWORD:-}"
  unset "REDIS_${role}_PASSWORD"
  if [ "$role" = OPERATOR ] && [ "${OPEN:-}" = 1 ]; then
    users=$(printf '%s\n' "$users" | sed 's/#REDIS_OPERATOR_PASSWORD/nopass/')
  elif [ -n "$password" ]; then
    hash=$(printf '%s' "$password" | sha256sum | cut -d ' ' -f 1)
    users=$(printf '%s\n' "$users" | sed "s/#REDIS_${role}_PASSWORD/#$hash/")
  else
    missing="$missing REDIS_${role}_PASSWORD"
  fi
done
if [ -n "$missing" ]; then
  echo "Redis is not started: these passwords are not set or empty:$missing." >&2
  exit 1
fi

# The image's own start changes to its user; outside of the image there is none.
exec $(command -v docker-entrypoint.sh || true) redis-server - "$@" <<END
$users
END
