#!/usr/bin/env bash
# Looks for breaks in protos/ against the commit before; without one, as in a shallow clone,
# against the first release.
set -euo pipefail
cd "$(dirname "$0")/.."

if before=$(git rev-parse --verify --quiet HEAD~1); then
  .venv/bin/buf breaking protos --against ".git#ref=$before,subdir=protos"
else
  echo "this clone has no commit before HEAD: comparing protos/ with the first release"
  .venv/bin/buf breaking protos --against protos/baseline/v0.1.binpb
fi
