#!/usr/bin/env bash
# Prepares this checkout for plain `go build`, `go test` and gopls: finds or installs libtorch, prepares a mended copy of gotch
# for it in the user's cache, compiles the C++ side into libtch.so and the inference engine, which needs no libtorch, into libpii.so,
# and writes go.work, which points at the copy.
# Called by `make setup`. A second call finds everything in place and ends at once.
#
#   LIBTORCH=/path            use the official archive unpacked there instead of the system's libtorch
#   LIBTORCH_USE_PYTORCH=1    use the libtorch inside the PyTorch that python3 imports (PYTHON names another interpreter)
#   PII_CACHE=/path           the cache, instead of ~/.cache/pii
#   CXX=compiler              the C++ compiler, instead of g++
#   CUDA_HOME=/path           where CUDA's headers are, in include/; they are optional, and looked for elsewhere too
#
# Where neither LIBTORCH nor LIBTORCH_USE_PYTORCH is set, this checkout's last choice stands; LIBTORCH= goes back to the system's libtorch.
set -euo pipefail
export LC_ALL=C

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
gotch=github.com/sugarme/gotch
gotch_version=v0.9.1
format=1 # to be raised when the way of compiling, linking or describing below changes: what is in the cache is then made anew
cache=${PII_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/pii}
cxx=${CXX:-g++}
cuda_headers='' # a folder, where libtorch has CUDA's part and there are CUDA's headers
work=$root/go.work
first_line='// Written by scripts/setup.sh. Do not edit: make setup writes it again.'

main() {
	remember
	if is_current; then
		return
	fi
	check_work_file
	check_go
	install_packages
	find_libtorch
	make_temporary
	open_slots
	name_folders
	prepare_gotch
	build_libraries
	write_work_file
	build_go_side
	say "ready: gotch $gotch_version on libtorch $version ($source_text)"
}

# --- what the user sees

say() {
	printf 'setup: %s\n' "$*"
}

# fail STEP COMMAND REMEDY says in three lines what stopped set-up.
fail() {
	printf 'setup stopped: %s\n  command:    %s\n  what to do: %s\n' "$1" "$2" "$3" >&2
	exit 1
}

# --- is there anything to do?

# What says which libtorch is used.
choices=(LIBTORCH LIBTORCH_USE_PYTORCH PYTHON CUDA_HOME)

# remember takes the choices that go.work was written with, where none is made now: a later make would otherwise undo them.
remember() {
	[ -z "${LIBTORCH+set}${LIBTORCH_USE_PYTORCH+set}" ] && [ -f "$work" ] || return 0
	local name value
	for name in "${choices[@]}"; do
		value=$(sed -n "s|^// $name=||p" "$work")
		if [ -n "$value" ] && [ -z "${!name+set}" ]; then export "$name=$value"; fi
	done
}

# choices_made prints what remember reads.
choices_made() {
	local name
	for name in "${choices[@]}"; do
		if [ -n "${!name:-}" ]; then echo "// $name=${!name}"; fi
	done
}

# is_current compares the stamp in go.work with what would be built now. It starts no compiler and no Python.
is_current() {
	[ -f "$work" ] || return 1
	local libtorch library
	libtorch=$(sed -n 's|^// libtorch: ||p' "$work")
	library=$(sed -n 's|^// library: ||p' "$work")
	[ -n "$libtorch" ] && [ -f "$libtorch" ] && [ -f "$library" ] || return 1
	[ "$(sed -n 's|^// stamp: ||p' "$work")" = "$(stamp "$libtorch")" ]
}

# stamp digests everything that the result depends on: our sources, the choices made in the environment, the library found.
stamp() {
	{
		printf '%s\n' "$root" "$cache" "$cxx" "${LIBTORCH:-}" "${LIBTORCH_USE_PYTORCH:-}" "${PYTHON:-}" "${CUDA_HOME:-}"
		stat -Lc '%n %s %Y' "$1"
		cuda_header_folders "$(dirname "$1")"
		cat "${BASH_SOURCE[0]}"
		mends
		sources
	} | sha256sum | cut -c1-16
}

mends() {
	find "$root/scripts/preparegotch" -type f ! -name '*_test.go' ! -path '*/testdata/*' | sort | xargs cat
}

# sources prints our own C++ in the order in which torchmodel embeds it.
sources() {
	cat "$root"/torchmodel/csrc/{,engine/}*.cpp "$root"/torchmodel/csrc/{,engine/}*.h
}

check_work_file() {
	if [ -f "$work" ] && [ "$(head -n 1 "$work")" != "$first_line" ]; then
		fail "go.work is not one that set-up wrote" "head -n 1 $work" "move it away, or make the change it holds in another way"
	fi
}

check_go() {
	command -v go >/dev/null ||
		fail "Go is not installed" "command -v go" "install the Go of go.mod's go line from https://go.dev/dl and put it on PATH"
}

# --- packages

install_packages() {
	local missing=()
	local package
	for package in $(needed_packages); do
		is_installed "$package" || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	explain_packages "${missing[@]}"
	apt_install "${missing[@]}"
}

needed_packages() {
	command -v "$cxx" >/dev/null || echo g++
	command -v make >/dev/null || echo make
	uses_system_libtorch && echo libtorch-dev libdnnl-dev libopenblas0-openmp
	true
}

uses_system_libtorch() {
	[ -z "${LIBTORCH:-}" ] && [ -z "${LIBTORCH_USE_PYTORCH:-}" ]
}

is_installed() {
	command -v dpkg-query >/dev/null &&
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

explain_packages() {
	local package
	say "with apt it installs:"
	for package in "$@"; do
		case $package in
		g++) echo '  g++                  compiles the C++ side of gotch' ;;
		make) echo '  make                 runs the targets of the Makefile' ;;
		libtorch-dev) echo '  libtorch-dev         libtorch and its headers' ;;
		libdnnl-dev) echo '  libdnnl-dev          headers of oneDNN, which libtorch computes with' ;;
		libopenblas0-openmp) echo '  libopenblas0-openmp  matrix products on the same threads as libtorch; the other builds start their own' ;;
		esac
	done
}

apt_install() {
	local remedy="install $* by hand, or set LIBTORCH=/path to an unpacked libtorch archive from https://pytorch.org"
	command -v apt-get >/dev/null || fail "$* missing, and no apt-get here" "command -v apt-get" "$remedy"
	local -a as_root=()
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || fail "$* missing; installing needs root, and no sudo here" "command -v sudo" "$remedy"
		as_root=(sudo)
	fi
	local -a install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@")
	if "${install[@]}"; then
		return
	fi
	say "the package lists may be old: updating them"
	"${as_root[@]}" apt-get update -q || fail "the package lists cannot be updated" "apt-get update" "look at apt's message above"
	"${install[@]}" || fail "packages cannot be installed" "apt-get install $*" "$remedy"
}

# --- libtorch: which, where, how built

find_libtorch() {
	if [ -n "${LIBTORCH:-}" ]; then
		use_folder "$LIBTORCH" "the archive at $LIBTORCH" "set LIBTORCH to the folder that holds lib/ and include/ of an unpacked libtorch archive"
	elif [ -n "${LIBTORCH_USE_PYTORCH:-}" ]; then
		use_pytorch
	else
		use_system
	fi
	version=$(read_version)
	[ -n "$version" ] || fail "the version of libtorch cannot be read" "$cxx -E, with <torch/version.h>" "look whether the headers under ${includes[*]:-/usr/include} are complete"
	if ls "$libdir"/libtorch_cuda*.so >/dev/null 2>&1; then cuda=true; else cuda=false; fi
	say "libtorch $version in $libdir (CUDA: $cuda, C++11 ABI: $abi)"
	if [ "$cuda" = true ]; then find_cuda_headers; fi
}

# find_cuda_headers looks for headers of CUDA's with which those of libtorch's compile that need them. No compiler of CUDA's is needed. Without
# them all works but CUDA graphs and figures of a GPU's memory.
find_cuda_headers() {
	local folder
	while read -r folder; do
		if printf '#include <%s>\n' ATen/cuda/CUDAGraph.h c10/cuda/CUDACachingAllocator.h |
			"$cxx" "-std=$(standard)" -E -x c++ "${includes[@]}" -I"$folder" - >/dev/null 2>&1; then
			cuda_headers=$folder
			say "CUDA's headers are in $folder"
			return
		fi
	done < <(cuda_header_folders "$libdir")
	say "CUDA's headers are not here: CUDA graphs and figures of a GPU's memory are left out"
}

# cuda_header_folders LIBDIR lists where cuda_runtime_api.h is, of the places where it may be: CUDA's own, what pip puts beside PyTorch,
# the system's.
cuda_header_folders() {
	local folder
	for folder in ${CUDA_HOME:+"$CUDA_HOME/include"} /usr/local/cuda/include "$1"/../../nvidia/{cuda_runtime,cu[0-9]*}/include /usr/include; do
		if [ -f "$folder/cuda_runtime_api.h" ]; then printf '%s\n' "$folder"; fi
	done
}

use_folder() {
	local folder
	folder=$(cd "$1" 2>/dev/null && pwd) || fail "there is no folder $1" "cd $1" "$3"
	libdir=$folder/lib
	[ -e "$libdir/libtorch_cpu.so" ] || fail "$folder is not libtorch" "ls $libdir/libtorch_cpu.so" "$3"
	[ -d "$folder/include/torch" ] || fail "$folder has no headers" "ls $folder/include/torch" "$3"
	includes=(-I"$folder/include" -I"$folder/include/torch/csrc/api/include")
	rpath=("-Wl,-rpath,$libdir")
	source_text=$2
	abi=$(read_abi "$libdir/libc10.so")
}

use_pytorch() {
	local python=${PYTHON:-python3} answer
	local remedy="install PyTorch for $python, name another interpreter by PYTHON=, or unset LIBTORCH_USE_PYTORCH"
	command -v "$python" >/dev/null || fail "LIBTORCH_USE_PYTORCH is set, but there is no $python" "command -v $python" "$remedy"
	answer=$("$python" -c 'import os, torch; print(int(torch._C._GLIBCXX_USE_CXX11_ABI), os.path.dirname(torch.__file__))' 2>/dev/null) ||
		fail "LIBTORCH_USE_PYTORCH is set, but $python has no PyTorch" "$python -c 'import torch'" "$remedy"
	use_folder "${answer#* }" "the PyTorch of $python" "$remedy"
	abi=${answer%% *}
	rpath+=("-Wl,--disable-new-dtags") # so that the CUDA libraries that pip installs beside torch are found too
	local cuda_libraries
	for cuda_libraries in "${answer#* }"/../nvidia/*/lib; do
		if [ -d "$cuda_libraries" ]; then rpath+=("-Wl,-rpath,$cuda_libraries"); fi
	done
}

use_system() {
	local file
	file=$("$cxx" -print-file-name=libtorch_cpu.so)
	[ -e "$file" ] || fail "the system has no libtorch" "$cxx -print-file-name=libtorch_cpu.so" "install libtorch-dev again, or set LIBTORCH=/path"
	libdir=$(cd "$(dirname "$file")" && pwd)
	includes=(-I/usr/include/torch/csrc/api/include)
	rpath=()
	source_text="the system's package libtorch-dev"
	abi=$(read_abi "$libdir/libc10.so")
}

# read_abi says whether a library takes std::string as of C++11 (1) or before (0): the two do not fit together.
read_abi() {
	local count
	count=$(nm -DC "$1" | grep -c 'c10::.*std::__cxx11::basic_string' || true)
	[ "$count" -eq 0 ] && echo 0 || echo 1
}

read_version() {
	printf '#include <torch/version.h>\nTORCH_VERSION\n' |
		"$cxx" -E -P -x c++ "${includes[@]}" - 2>/dev/null | tail -n 1 | tr -d '"'
}

# standard names the C++ that the headers ask for.
standard() {
	local all=torch/csrc/api/include/torch/all.h include
	for include in "${includes[@]#-I}" /usr/include; do
		if [ -f "$include/$all" ] && grep -q '__cplusplus < 202002L' "$include/$all"; then
			echo c++20
			return
		fi
	done
	echo c++17
}

# --- folders

# make_temporary makes a folder in the cache: what is whole is renamed from there, so that nobody sees a half of it.
make_temporary() {
	mkdir -p "$cache" 2>/dev/null || fail "the cache cannot be made" "mkdir -p $cache" "set PII_CACHE to a folder that you can write to"
	temporary=$(mktemp -d "$cache/tmp.XXXXXX")
	trap 'rm -rf "$temporary"' EXIT
}

# lock_cache lets one set-up at a time add to the cache; the lock ends with the process.
lock_cache() {
	exec 9>"$cache/lock"
	if ! flock -n 9; then
		say "waiting for another set-up to end"
		flock 9
	fi
}

# name_folders derives every name from what the content depends on, so that nothing in the cache is ever out of date.
name_folders() {
	local key
	choose_flags
	key=$({
		printf '%s\n' "$format" "$libdir" "$abi" "$cxx" "${flags[@]}" ${cuda_headers:+"$cuda_headers"}
		"$cxx" -dumpfullversion
		stat -Lc '%s %Y' "$libdir/libtorch_cpu.so"
		mends
	} | sha256sum | cut -c1-12)
	folder=$cache/gotch-$gotch_version-libtorch-$version-$key
	library=$folder/lib/$source_key/libtch.so
}

# choose_flags sets what every file is compiled with, and the digest of our own C++.
choose_flags() {
	flags=("-std=$(standard)" -fPIC -w "-D_GLIBCXX_USE_CXX11_ABI=$abi" "${includes[@]}")
	source_key=$(sources | sha256sum | cut -c1-12)
}

# --- gotch

# prepare_gotch makes the folder with the mended Go packages and the object files of gotch's C++ side.
prepare_gotch() {
	[ ! -d "$folder" ] || return 0
	lock_cache
	[ ! -d "$folder" ] || return 0 # made by another set-up while this one waited
	say "preparing gotch $gotch_version (once for this libtorch; a minute or two)"
	prepare_gotch_in "$temporary/module" "$folder/lib"
	mv "$temporary/module" "$folder"
}

# prepare_gotch_in FOLDER LIBRARIES does the work; LIBRARIES is where the program will look for libtch.so.
prepare_gotch_in() {
	local prepare=$temporary/preparegotch
	copy_gotch "$prepare" "$1" "$2"
	compile_shim "$prepare" "$1/shim"
}

# copy_gotch PREPARE FOLDER LIBRARIES builds the program that mends gotch, and makes the folder without compiling anything.
copy_gotch() {
	local prepare=$1 module=$2 from
	(cd "$root" && GOWORK=off CGO_ENABLED=0 go build -ldflags='-s -w' -o "$prepare" ./scripts/preparegotch) ||
		fail "the program that mends gotch does not build" "go build ./scripts/preparegotch" "look at Go's message above"
	(cd "$root" && GOWORK=off go mod download "$gotch@$gotch_version") ||
		fail "gotch cannot be downloaded" "go mod download $gotch@$gotch_version" "look at Go's message above; GOPROXY names where modules come from"
	from=$(cd "$root" && GOWORK=off go list -m -f '{{.Dir}}' "$gotch@$gotch_version")
	"$prepare" copy -from "$from" -to "$module" -library-dir "$3" ||
		fail "gotch cannot be mended" "preparegotch copy -from $from" "see that go.mod asks for gotch $gotch_version; the mends fit no other version"
}

# compile_shim compiles the C++ side: the part written by hand beside a trial of the generated part, then that in parts.
compile_shim() {
	local prepare=$1 shim=$2 by_hand
	compile "$shim/torch_api.cpp" -O1 &
	by_hand=$!
	stub_missing "$prepare" "$shim/generated.cpp"
	"$prepare" split -source "$shim/generated.cpp" -parts "$(parts)"
	compile_parts "$shim" || { kill "$by_hand" 2>/dev/null; exit 1; }
	wait "$by_hand" || exit 1
}

# stub_missing lets the compiler find the functions that this libtorch lacks, until none is left.
stub_missing() {
	local prepare=$1 source=$2 log=$temporary/trial.log round
	for round in 1 2 3 4; do
		if in_slot "$cxx" "${flags[@]}" -fsyntax-only -fmax-errors=0 "$source" 2>"$log"; then
			return
		fi
		"$prepare" stub -source "$source" -log "$log" >"$temporary/missing" ||
			fail "gotch's C++ side does not compile" "$cxx -fsyntax-only $source" "$(grep -m 1 error: "$log" || tail -n 1 "$log")"
		say "$(wc -l <"$temporary/missing") generated functions are not in libtorch $version; they report that when called"
	done
	fail "gotch's C++ side does not compile after $round rounds" "$cxx -fsyntax-only $source" "$(grep -m 1 error: "$log")"
}

compile_parts() {
	local part
	local -a running=()
	for part in "$1"/part_*.cpp; do
		compile "$part" -O1 &
		running+=($!)
	done
	wait_for "${running[@]}"
}

wait_for() {
	local process
	for process in "$@"; do
		wait "$process" || return 1
	done
}

# compile SOURCE FLAGS… writes the object file beside the source.
compile() {
	local source=$1 log=$1.log
	shift
	in_slot "$cxx" "${flags[@]}" "$@" -c "$source" -o "${source%.cpp}.o" 2>"$log" ||
		fail "$(basename "$source") does not compile" "$cxx $* -c $source" "$(grep -m 1 -E 'error|Killed' "$log" || tail -n 1 "$log")"
	rm "$log"
}

# open_slots lets no more compilers run at once than jobs_at_once says, in whichever processes they are started: a pipe has a line for
# each that may start.
open_slots() {
	mkfifo "$temporary/slots"
	exec 8<>"$temporary/slots"
	seq "$(jobs_at_once)" >&8
}

# in_slot COMMAND… waits until it may start, and lets another start when it has ended.
in_slot() {
	local slot status=0
	read -r slot <&8
	"$@" || status=$?
	echo "$slot" >&8
	return "$status"
}

# jobs_at_once is the number of processors, less where memory is short: a compiler run takes up to 2 GB here.
jobs_at_once() {
	local jobs memory
	jobs=$(nproc)
	memory=$(awk '/^MemAvailable/ {print int($2 / 2000000)}' /proc/meminfo)
	[ "$jobs" -le "$memory" ] || jobs=$memory
	[ "$jobs" -ge 1 ] || jobs=1
	echo "$jobs"
}

# parts is into how many the generated code is split: beyond eight, reading the headers again costs more than it gains.
parts() {
	local jobs
	jobs=$(jobs_at_once)
	echo $((jobs < 2 ? 2 : jobs > 8 ? 8 : jobs))
}

# --- our own C++, and the libraries

# build_libraries makes both from our C++. A change of ours makes others beside the first.
build_libraries() {
	[ ! -f "$library" ] || return 0
	lock_cache
	[ ! -f "$library" ] || return 0
	say "compiling libpii.so and $(basename "$library")"
	local build=$temporary/build out=$temporary/out
	mkdir -p "$out" "$folder/lib"
	compile_ours "$build"
	link_libraries "$out" "$folder/shim" "$build"
	mv -T "$out" "$(dirname "$library")"
}

# compile_ours compiles into FOLDER what goes into libtch.so, and into FOLDER/engine the engine. Only that has OpenMP, for the threads that
# oneDNN computes with: elsewhere headers of libtorch's that open threads where they see OpenMP would do so within the operations of training.
compile_ours() {
	local build=$1 source
	local -a running=() ours=(-O3 -fno-math-errno) engine=()
	if has_onednn; then engine+=(-DPII_ONEDNN -fopenmp); fi
	if [ -n "$cuda_headers" ]; then ours+=(-DPII_CUDA "-I$cuda_headers"); fi
	cp -r "$root/torchmodel/csrc" "$build"
	for source in "$build"/*.cpp; do
		compile "$source" "${ours[@]}" &
		running+=($!)
	done
	for source in "$build"/engine/*.cpp; do
		compile "$source" "${ours[@]}" "${engine[@]}" &
		running+=($!)
	done
	wait_for "${running[@]}" || exit 1
}

# has_onednn: libpii.so links the system's libdnnl, which is there with the system's libtorch. With another libtorch, which has its own oneDNN
# inside, the engine has none, so that what is built there needs no package of the system's.
has_onednn() {
	uses_system_libtorch && printf '#include <oneapi/dnnl/dnnl.h>\n#include <omp.h>\n' | "$cxx" -fopenmp -E -x c++ - >/dev/null 2>&1
}

# link_libraries OUT SHIM BUILD links gotch's object files and ours into OUT, and describes them beside. Training has the engine's threads.
link_libraries() {
	local out=$1 shim=$2 build=$3
	local -a torch=(-ltorch -ltorch_cpu -lc10) engine=() threads=(-pthread)
	if [ "$cuda" = true ]; then torch+=(-ltorch_cuda -lc10_cuda); fi
	if has_onednn; then engine+=(-ldnnl) threads+=(-fopenmp); fi
	link "$out/libpii.so" "$build"/engine/*.o "${engine[@]}" "${threads[@]}"
	link "$out/libtch.so" "$shim"/*.o "$build"/*.o "$build/engine/team.o" "${threads[@]}" -L"$libdir" "${rpath[@]}" -Wl,--no-as-needed -ldl "${torch[@]}"
	describe "$out/libtch.so" >"$out/libtch.json"
}

# link OUT ARGUMENTS…
link() {
	local out=$1 log=$temporary/link.log
	shift
	"$cxx" -shared -fPIC -Wl,-Bsymbolic -Wl,--no-undefined -o "$out" "$@" 2>"$log" ||
		fail "$(basename "$out") cannot be linked" "$cxx -shared $*" "$(tail -n 1 "$log")"
}

# describe prints what the program is to know of the library before it opens it.
describe() {
	cat <<-END
		{
		  "libtorch": $(quoted "$version"),
		  "libtorch_dir": $(quoted "$libdir"),
		  "source": $(quoted "$source_text"),
		  "cxx11_abi": $([ "$abi" = 1 ] && echo true || echo false),
		  "cuda": $cuda,
		  "cuda_headers": $([ -n "$cuda_headers" ] && echo true || echo false),
		  "openblas": $(quoted "$(ldd "$1" | awk '$1 ~ /^libopenblas/ {print $1; exit}')"),
		  "csrc": $(quoted "$source_key")
		}
	END
}

quoted() {
	printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}

# --- the Go side

write_work_file() {
	local new=$temporary/go.work
	{
		echo "$first_line"
		echo "// stamp: $(stamp "$libdir/libtorch_cpu.so")"
		echo "// libtorch: $libdir/libtorch_cpu.so"
		echo "// library: $library"
		choices_made
		sed -n 's/^go /go /p' "$root/go.mod"
		printf '\nuse .\n\nreplace %s %s => %s\n' "$gotch" "$gotch_version" "$folder"
	} >"$new"
	cp "$new" "$work.new" && mv "$work.new" "$work"
}

# build_go_side fills Go's build cache, so that the first build of the program is quick.
build_go_side() {
	(cd "$root" && go build "$gotch/ts" "$gotch/nn") ||
		fail "the Go side of gotch does not build" "go build $gotch/ts" "look at Go's message above"
}

# Another script may read this file for its functions.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	main
fi
