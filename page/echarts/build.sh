#!/usr/bin/env bash
# Fetches the pinned packages from npm, which checks them against package-lock.json, and makes
# echarts.min.js of them. The result is committed, so that nobody needs npm to build moetop; the same
# versions give the same bytes.
set -euo pipefail
cd "$(dirname "$0")"
command -v npm >/dev/null || { echo "make page-assets needs npm (on Debian: nodejs npm)" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp package.json package-lock.json entry.js "$work"
(cd "$work" && npm ci --silent --no-audit --no-fund)
modules=$work/node_modules

# A page carries this script, so it carries the notices too.
licence() { printf '\n%s\n\n' "$1"; sed 's/\r$//; s/[[:space:]]*$//' "$2"; }
version() { sed -n 's/^  "version": "\(.*\)",$/\1/p' "$modules/$1/package.json"; }
cp "$modules/echarts/LICENSE" LICENSE
cp "$modules/echarts/NOTICE" NOTICE
{
    echo "/*!"
    echo "Apache ECharts $(version echarts), a part of it: Apache License 2.0, https://www.apache.org/licenses/LICENSE-2.0"
    sed 's/\r$//' NOTICE; echo
    licence "It contains zrender $(version zrender):" "$modules/zrender/LICENSE"
    licence "It contains tslib $(version tslib):" "$modules/tslib/LICENSE.txt"
    licence "It contains parts of d3.js:" "$modules/echarts/licenses/LICENSE-d3"
    echo "*/"
    "$modules/.bin/esbuild" "$work/entry.js" --bundle --minify --format=iife --global-name=echarts \
        --target=es2020 --charset=utf8 --legal-comments=none
} >echarts.min.js
sha256sum echarts.min.js >SHA256SUMS
