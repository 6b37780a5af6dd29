#!/usr/bin/env bash
# Packs what scripts/gpu-check.sh needs on a machine without Go and network into gpu/: the programs, built; the C++ that is compiled
# there; fixtures and texts. Called by `make gpu-bundle`, after set-up.
#
#   scripts/gpu-bundle.sh [FOLDER]      where to put it, instead of gpu/
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

bundle() {
	local to=${1:-$root/gpu} files
	make_temporary
	files=$temporary/files
	mkdir -p "$files/scripts" "$files/torchmodel" "$files/data" "$to"
	(cd "$root" && go build -ldflags='-s -w' -o "$files/pii" . && go test -c -ldflags='-s -w' -o "$files/torchmodel.test" ./torchmodel) ||
		fail "the programs do not build" "go build; go test -c ./torchmodel" "look at Go's message above"
	copy_gotch "$files/preparegotch" "$temporary/module" "$temporary/lib"
	mv "$temporary/module/shim" "$files/gotch"
	cp -r "$root/torchmodel/csrc" "$files/torchmodel"
	cp "$root/scripts/setup.sh" "$root/scripts"/gpu-{transformers,aims}.py "$files/scripts"
	cp "$root/data/natural.jsonl" "$files/data"
	copy_fixtures scripts/parity/testdata
	tar -C "$files" -c . | gzip >"$to/bundle.tar.gz"
	cp "$root/scripts/gpu-check.sh" "$to"
	say "$to: $(du -m --apparent-size "$to/bundle.tar.gz" | cut -f1) MB"
}

# copy_fixtures FOLDER copies what the tests of the device read.
copy_fixtures() {
	mkdir -p "$files/$1/tiny-distilbert"
	cp "$root/$1"/{logits,training}.json "$files/$1"
	cp "$root/$1/tiny-distilbert"/{config.json,model.safetensors} "$files/$1/tiny-distilbert"
}

bundle "$@"
