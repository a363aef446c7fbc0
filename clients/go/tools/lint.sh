#!/usr/bin/env bash
# What `make lint-go` does: format, go vet, staticcheck, and modules that are complete and tidy.
set -euo pipefail
cd "$(dirname "$0")/.."

unformatted=$(gofmt -l .)
if [[ -n "$unformatted" ]]; then
  printf 'gofmt would change:\n%s\n' "$unformatted"
  exit 1
fi
go mod tidy -diff
go -C tools mod tidy -diff
go vet ./...
staticcheck=$(go -C tools tool -n staticcheck)
"$staticcheck" ./...
