#!/usr/bin/env bash
# Runs the first program of README.md as a user would: in an empty folder, with the module as it is
# published. Needs a server of examples.orders.workflows at $DALSEGNO_ADDRESS.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go -C tools run ./pack "$work/proxy" v0.1.0

mkdir "$work/program"
awk '/^```go$/ {found++; next} /^```$/ && found {exit} found == 1' README.md |
  sed "s/dalsegno.DefaultTarget/\"${DALSEGNO_ADDRESS:-127.0.0.1:7070}\"/" >"$work/program/main.go"
cd "$work/program"
# Ours, then what was downloaded before, then the rest. A cache of its own: the usual one would keep
# what is packed here for later tries.
GOPROXY="file://$work/proxy,file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)"
export GOPROXY GOMODCACHE="$work/cache" GONOSUMDB=github.com/dalsegno GOFLAGS='-modcacherw -trimpath'
go mod init example.com/program 2>/dev/null
go get github.com/dalsegno/dalsegno/clients/go/dalsegno@v0.1.0
go run .
