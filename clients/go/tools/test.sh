#!/usr/bin/env bash
# What `make test-go` does after linting. Races are looked for where there is a C compiler.
set -euo pipefail
cd "$(dirname "$0")/.."

race=()
if [[ "$(go env CGO_ENABLED)" == 1 ]]; then
  race=(-race)
fi
go build ./...
go test "${race[@]}" -timeout 60s ./...
