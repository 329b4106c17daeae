#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make timeline: each picture comes from a real run, and in a browser nothing overlaps, every
# text lies within the picture and can be read, in light and dark, at both widths.
#
# Set: debug
# Needs: module userspace qemu
# Weight: 0.8
# Skips: *: no chromium
set -u
cd "$(dirname "$0")/../../.." || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
scenes='edu two kill bounce ring capture'
number=0

# result STATUS NAME: one test's line, with what was said if it failed
result() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		sed 's/^/# /' "$scratch/said"
	fi
}

# look FILE WIDTH SCHEME: in said, what the browser finds wrong
look() {
	local scheme=1
	[ "$3" = light ] || scheme=0
	{
		echo '<!DOCTYPE html><meta charset="utf-8"><style>body { margin: 0 }
			svg { display: block; width: 100% }</style>'
		cat "$1"
		echo '<script>'
		cat tests/host/runner/look.js
		echo '</script>'
	} >"$scratch/page.html"
	# A sandbox would want more rights than tests have.
	chromium --headless --no-sandbox --disable-gpu --user-data-dir="$scratch/profile" \
		--window-size="$2,2000" --hide-scrollbars \
		--blink-settings=preferredColorScheme=$scheme --dump-dom \
		"file://$scratch/page.html" 2>/dev/null |
		sed -n '/<pre id="result">/,/<\/pre>/{s/<[^>]*>//g;p}' >"$scratch/said"
	grep -qE "^[1-9][0-9]* texts, [1-9][0-9]* bars, $3, 0 faults$" "$scratch/said"
}

OUT="$scratch" scripts/timeline >"$scratch/said" 2>&1
result $? 'the pictures are made'
grep -q '>± [1-9]' "$scratch/ring.svg"
result $? 'the device tells what it did, and how certain that is'
for scene in $scenes; do
	for width in 1280 640; do
		for scheme in light dark; do
			name="$scene can be read, $width pixels wide, $scheme"
			if command -v chromium >/dev/null; then
				look "$scratch/$scene.svg" $width $scheme
				result $? "$name"
			else
				number=$((number + 1))
				echo "ok $number - $name # SKIP no chromium"
			fi
		done
	done
done
echo "1..$number"
