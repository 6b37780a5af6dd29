#!/usr/bin/env bash
# Shows that the C++ side compiles against the libtorch of another Debian, without installing that: its packages are unpacked
# into the cache. Linking and running need that Debian's own C++ library, so compiling is all that is shown.
#
#   scripts/check-libtorch.sh [SUITE]      the Debian whose libtorch-dev to take; trixie unless named
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

suite=${1:-trixie}
packages=(libtorch-dev libprotobuf-dev libdnnl-dev)

check() {
	make_temporary
	open_slots
	local debian=$cache/debian-$suite
	[ -d "$debian/usr/include/torch" ] || unpack "$debian"
	describe_unpacked "$debian/usr"
	say "libtorch $version of Debian $suite; gcc $("$cxx" -dumpfullversion)"
	compile_ours "$temporary/build"
	prepare_gotch_in "$temporary/module" "$temporary/lib"
	say "gotch's C++ side and ours compile against libtorch $version, in $SECONDS s"
}

# unpack fetches the packages with lists and a cache of apt's own, so that the system's are not touched.
unpack() {
	local to=$1 state=$temporary/apt package
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$temporary/root"
	list_sources >"$state/sources.list"
	local -a options=(-q -o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::Lists=$state/lists"
		-o "Dir::Cache=$state/cache" -o Dir::State::status=/dev/null -o APT::Sandbox::User=)
	apt-get "${options[@]}" update || fail "the package lists of $suite cannot be read" "apt-get update" "look at apt's message above"
	(cd "$state" && apt-get "${options[@]}" download "${packages[@]}" "$(runtime_package "${options[@]}")") ||
		fail "the packages of $suite cannot be fetched" "apt-get download ${packages[*]}" "look at apt's message above"
	for package in "$state"/*.deb; do
		dpkg -x "$package" "$temporary/root"
	done
	mv -T "$temporary/root" "$to"
}

# list_sources names the mirror that this system has for Debian itself.
list_sources() {
	local mirror
	mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | grep -v snapshot | head -n 1 | tr -d ' ' || true)
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} $suite main"
}

# runtime_package names the package with the library itself: its name has the version in it.
runtime_package() {
	apt-cache "$@" depends libtorch-dev | awk '/Depends: libtorch[0-9]/ {print $2; exit}'
}

# describe_unpacked sets what find_libtorch would have found.
describe_unpacked() {
	libdir=$(dirname "$(find "$1/lib" -name libc10.so | head -n 1)")
	includes=(-I"$1/include" -I"$1/include/torch/csrc/api/include")
	abi=1
	version=$(read_version)
	flags=("-std=$(standard)" -fPIC -w "-D_GLIBCXX_USE_CXX11_ABI=$abi" "${includes[@]}")
}

check
