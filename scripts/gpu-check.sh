#!/usr/bin/env bash
# Checks pii on a machine with an NVIDIA GPU, a PyTorch and g++, without Go and without network: builds the C++ side against that
# PyTorch, compares the GPU with fixtures and with the CPU, trains, times both devices, and times transformers on the same model and
# texts. Each step's failure is reported and the rest still runs. `make gpu-bundle` makes what it needs, gpu/bundle.tar.gz.
#
#   scripts/gpu-check.sh [--device cuda|cpu] [--out FOLDER] [--bundle FILE] [--limit SECONDS] [--quick]
#
#   --device    what to check; cuda where there is an NVIDIA GPU, else cpu, so that the script itself can be checked anywhere
#   --out       where results.json and the logs of the steps go, instead of gpu/results
#   --bundle    the bundle, instead of bundle.tar.gz beside this file or in gpu/
#   --limit     what has not begun after so many seconds is left out: 470, unless compiling takes longer than a few minutes
#   --quick     as little as shows that every step works; its times say nothing
#
# LIBTORCH, LIBTORCH_USE_PYTORCH, PYTHON and CXX are those of setup.sh; where none is set, python3's PyTorch is used if it has one.
# PII_LIBTCH names a libtch.so that is built already. The exit code is 0 if every step passed, else 1.
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}
device='' out='' archive='' quick=false
steps=()      # JSON objects
green=true
deadline=470  # --limit

main() {
	read_arguments "$@"
	prepare
	step machine describe_machine
	step build build_library
	step doctor doctor
	step parity parity
	step train train_small
	if [ "$device" = cuda ]; then step base make_base; fi
	step agreement compare_predictions
	step benchmark benchmark
	step training_step training_steps
	step transformers transformers
	deadline=$((SECONDS + 60)) # whatever was left out, it is said what that leaves unknown
	step aims aims
	cat "$out/aims.log"
	write_results
	$green
}

read_arguments() {
	while [ $# -gt 0 ]; do
		case $1 in
		--device) device=$2 && shift ;;
		--out) out=$2 && shift ;;
		--bundle) archive=$2 && shift ;;
		--limit) deadline=$2 && shift ;;
		--quick) quick=true ;;
		*) echo "gpu-check: unknown argument $1; see the head of $0" >&2 && exit 2 ;;
		esac
		shift
	done
	if [ -z "$device" ]; then
		if nvidia-smi -L 2>/dev/null | grep -q GPU; then device=cuda; else device=cpu; fi
	fi
	case $device in cpu | cuda) ;; *) echo "gpu-check: --device is cuda or cpu" >&2 && exit 2 ;; esac
	case $deadline in '' | *[!0-9]*) echo "gpu-check: --limit is a number of seconds" >&2 && exit 2 ;; esac
}

prepare() {
	local candidate
	for candidate in "$here/bundle.tar.gz" "$here/../gpu/bundle.tar.gz"; do
		if [ -z "$archive" ] && [ -f "$candidate" ]; then archive=$candidate; fi
	done
	[ -f "$archive" ] || { echo "gpu-check: no bundle.tar.gz; make gpu-bundle makes it where Go is" >&2 && exit 2; }
	out=${out:-$(dirname "$archive")/results}
	mkdir -p "$out"
	out=$(cd "$out" && pwd)
	place=$(mktemp -d)
	trap 'rm -rf "$place"' EXIT
	tar -C "$place" -xzf "$archive"
	export PII_CACHE=$place/cache
	if [ -z "${LIBTORCH:-}${LIBTORCH_USE_PYTORCH:-}" ] && has_package torch; then
		export LIBTORCH_USE_PYTORCH=1
	fi
	precisions=fp32,bf16 batches=1,8,32 runs=50 train_steps=100
	if [ "$device" = cuda ]; then precisions=fp32,bf16,fp16 batches=1,8,32,128,512 runs=200 train_steps=300; fi
	sets='builtin:test builtin:stress' texts=$place/data/natural.jsonl
	mode=()
	if $quick; then
		mode=(quick)
		precisions=fp32 batches=1,4 runs=3 train_steps=2 sets=$place/texts.jsonl
		head -n 40 "$texts" >"$sets"
		texts=$sets
	fi
}

# has_package NAME asks python3 without importing it, which takes seconds with PyTorch.
has_package() {
	"$python" -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)' "$1" 2>/dev/null
}

# step NAME FUNCTION runs a function in a process of its own and notes how it went. What it prints is its log; what it leaves in
# $out/NAME.json becomes part of the results.
step() {
	local name=$1 begun=$SECONDS status=0
	rm -f "$out/$name.json"
	if [ "$SECONDS" -ge "$deadline" ]; then
		echo "left out: the time was up" >"$out/$name.log"
		status=1
	else
		set +e
		(set -e && "$2") >"$out/$name.log" 2>&1
		status=$?
		set -e
	fi
	[ "$status" -eq 0 ] || green=false
	steps+=("{\"step\": \"$name\", \"passed\": $([ "$status" -eq 0 ] && echo true || echo false), \"seconds\": $((SECONDS - begun)), \"says\": $(last_line "$out/$name.log")}")
	printf '%-14s %s, %d s: %s\n' "$name" "$([ "$status" -eq 0 ] && echo passed || echo FAILED)" $((SECONDS - begun)) "$(tail -n 1 "$out/$name.log" | cut -c1-150)"
}

last_line() {
	printf '"%s"' "$(tail -n 1 "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')"
}

# limited SECONDS COMMAND… ends a command that takes longer than that, or than the whole may take.
limited() {
	local most=$1 left=$((deadline - SECONDS)) status=0
	shift
	most=$((left < 1 ? 1 : left < most ? left : most))
	timeout -k 5 "$most" "$@" || status=$?
	case $status in 124 | 137) printf '\nended after %d s: %s\n' "$most" "$(basename "$1")" >&2 ;; esac
	return "$status"
}

pii() { limited 240 "$place/pii" "$@"; }

describe_machine() {
	nvidia-smi || echo "no nvidia-smi"
	"${CXX:-g++}" --version
	"$python" -c 'import torch; print(torch.__config__.show()); print("PyTorch", torch.__version__, "CUDA", torch.version.cuda)' ||
		echo "$python has no PyTorch"
}

build_library() {
	if [ -n "${PII_LIBTCH:-}" ]; then
		echo "built already: $PII_LIBTCH"
		return
	fi
	# shellcheck source=scripts/setup.sh disable=SC2154 # it sets what is not set here
	source "$place/scripts/setup.sh"
	temporary=$place/temporary
	mkdir -p "$temporary" "$place/lib"
	find_libtorch
	[ "$device" = cpu ] || [ "$cuda" = true ] || fail "this libtorch has no CUDA" "ls $libdir/libtorch_cuda*.so" "install a PyTorch with CUDA"
	choose_flags
	open_slots
	local ours
	compile_ours "$place/build" &
	ours=$!
	compile_shim "$place/preparegotch" "$place/gotch"
	wait "$ours" # not $!, which is by then a part of gotch
	link_libraries "$place/lib" "$place/gotch" "$place/build"
	cp "$place/lib/libtch.json" "$out/build.json"
	echo "libtch.so for libtorch $version (CUDA: $cuda)"
}

doctor() {
	pii doctor
	pii doctor --json >"$out/doctor.json"
	grep -q '"libtorch": {' "$out/doctor.json" || { echo "libtorch cannot be loaded" && false; }
	[ "$device" = cpu ] || grep -q '"total_memory"' "$out/doctor.json" || { echo "pii finds no CUDA device" && false; }
	echo "libtorch is loaded"
}

parity() {
	local tests='^TestDevice'
	if $quick; then tests='^TestDevice(Logits|PredictsInLess|TrainsInLess)'; fi
	(cd "$place/torchmodel" && PII_TEST_DEVICE=$device limited 180 ../torchmodel.test -test.v -test.run "$tests")
}

# train_small trains from the model inside the program, in each precision, and keeps the metrics; the last one's model is $place/small.
# A precision that fails does not keep the others from being tried, here and below.
train_small() {
	local precision kinds='fp32' failed=''
	local -a data=(--dev "$texts") # the dev set inside the program, with all that is calibrated on it, would take minutes
	if [ "$device" = cuda ]; then kinds='fp32 fp16 bf16'; fi
	if $quick; then data+=(--train "$texts"); fi
	for precision in $kinds; do
		if ! pii train --out-dir "$place/$precision" --device "$device" --train-precision "$precision" --max-steps "$train_steps" "${data[@]}"; then
			failed+=" $precision"
			continue
		fi
		rm -rf "$place/small"
		mv "$place/$precision" "$place/small"
		printf '{"precision": "%s", "metrics": %s}\n' "$precision" "$(tail -n 1 "$place/small/metrics.jsonl")" >>"$place/trained"
	done
	[ ! -d "$place/small" ] || as_list <"$place/trained" >"$out/train.json"
	echo "$train_steps steps each in $kinds"
	none "$failed"
}

# none FAILED names what failed, if anything did, and fails then.
none() { [ -z "$1" ] || { echo "failed:$1" && false; }; }

# make_base makes a checkpoint of DistilBERT-base's shape, to be timed.
make_base() {
	pii train --out-dir "$place/base" --model distilbert-base --device "$device" --max-steps 2 --train-precision bf16 \
		--dev "$texts" --batch-size 32
	echo "a checkpoint of DistilBERT-base's shape"
}

# as_list makes a JSON list of lines, each a value.
as_list() { printf '[%s]\n' "$(paste -sd, -)"; }

# compare_predictions says of how many texts all spans are those of the CPU in fp32.
compare_predictions() {
	local precision set total equal failed=''
	for set in $sets; do
		spans "$set" cpu fp32 >"$place/on-cpu"
		for precision in ${precisions//,/ }; do
			if [ "$device" = cpu ] && [ "$precision" = bf16 ]; then continue; fi # not every processor has it
			if ! spans "$set" "$device" "$precision" >"$place/on-device"; then
				failed+=" $precision"
				continue
			fi
			total=$(wc -l <"$place/on-cpu")
			equal=$(paste -d'\n' "$place/on-cpu" "$place/on-device" | awk 'NR % 2 {line = $0; next} line == $0 {n++} END {print n + 0}')
			printf '{"set": "%s", "device": "%s", "precision": "%s", "texts": %d, "texts_with_equal_spans": %d}\n' "$(basename "$set")" "$device" "$precision" "$total" "$equal" |
				tee -a "$place/agreement"
			[ $((equal * 1000)) -ge $((total * 990)) ] || touch "$place/apart"
		done
	done
	as_list <"$place/agreement" >"$out/agreement.json"
	[ ! -e "$place/apart" ] || { echo "more than 1 % of the texts have other spans than on the CPU" && false; }
	none "$failed"
}

# spans SET DEVICE PRECISION prints a line for each text, without scores: these differ in their last digits.
spans() {
	pii predict --model-dir builtin:small --input "$1" --device "$2" --precision "$3" | sed 's/,"score":[^,}]*//g'
}

benchmark() {
	local model failed=''
	local -a devices
	export PII_BENCHMARK_PRECISIONS=$precisions PII_BENCHMARK_BATCHES=$batches
	for model in small base; do
		devices=(--device cpu)
		[ "$device" = cuda ] || devices+=(--threads 1) # as transformers has
		if [ "$model" = base ]; then # which takes the CPU minutes
			[ "$device" = cuda ] || continue
			devices=(--device cuda)
		elif [ "$device" = cuda ]; then
			devices+=(--device cuda)
		fi
		if ! pii benchmark --model-dir "$place/$model" --input "$texts" "${devices[@]}" --runs "$runs" --json >"$place/benchmark"; then
			failed+=" $model"
			continue
		fi
		printf '{"model": "%s", "result": %s}\n' "$model" "$(tr -d '\n' <"$place/benchmark")" >>"$place/benchmarks"
		[ "$model" = base ] || check_tags <"$place/benchmark" || touch "$place/tags-apart" # base has learnt next to nothing
	done
	if [ -e "$place/benchmarks" ]; then as_list <"$place/benchmarks" >"$out/benchmark.json"; fi
	echo "benchmark.json"
	[ ! -e "$place/tags-apart" ] || { echo "too many tokens have another likeliest tag than on the CPU in fp32" && false; }
	none "$failed"
}

# check_tags reads a benchmark's result. In fp32, 99.9 % of the tokens must have the likeliest tag that they have on the CPU in fp32, and
# 99.8 % in other precisions. What the CPU does not have, as fp16, is not compared.
check_tags() {
	awk -F'[":, ]+' '
		$2 == "device" { device = $3; missing = 0 }
		$2 == "precision" { precision = $3 }
		$2 == "missing" { missing = 1 }
		$2 == "tags_equal" && !(missing && device == "cpu") {
			print "tags as on the CPU in fp32:", device, precision, $3
			if ($3 == "null" || $3 < (precision == "fp32" ? 0.999 : 0.998)) apart = 1
			seen = 1
		}
		END { exit apart || !seen }'
}

# training_steps times steps of DistilBERT-base over 16 rows of 40 tokens.
training_steps() {
	if [ "$device" = cpu ]; then
		echo "left out: on a CPU they take seconds each"
		return
	fi
	local status=0
	(cd "$place/torchmodel" && PII_TEST_DEVICE=$device limited 90 ../torchmodel.test -test.run '^$' -test.bench '^BenchmarkDeviceStep' -test.benchtime 50x) |
		tee "$place/steps" || status=$?
	sed -nE 's|^BenchmarkDeviceStep/([a-z0-9]+)[^ \t]*[ \t]+[0-9]+[ \t]+([0-9.]+) ns/op.*|{"precision": "\1", "ns": \2}|p' "$place/steps" | as_list >"$out/training_step.json"
	return "$status"
}

transformers() {
	local model=$place/base
	[ -d "$model" ] || model=$place/small
	if ! has_package torch || ! has_package transformers; then
		echo "left out: $python has no transformers"
		return
	fi
	limited 150 "$python" -W ignore "$place/scripts/gpu-transformers.py" "$model" "$texts" "$device" "$out" "${mode[@]}"
}

# aims sets pii's figures beside those of transformers, as far as there are any.
aims() {
	if ! command -v "$python" >/dev/null; then
		echo "left out: there is no $python; no aim was measured"
		return
	fi
	"$python" "$place/scripts/gpu-aims.py" "$out" "$device" "${mode[@]}"
}

write_results() {
	local name
	{
		printf '{\n"device": "%s", "quick": %s, "passed": %s, "seconds": %d,\n"steps": %s' "$device" "$quick" "$green" "$SECONDS" \
			"$(printf '%s\n' "${steps[@]}" | as_list)"
		for name in build doctor train agreement benchmark training_step transformers aims; do
			if [ -s "$out/$name.json" ]; then printf ',\n"%s": %s' "$name" "$(cat "$out/$name.json")"; fi
		done
		printf '\n}\n'
	} >"$out/results.json"
	echo "results: $out/results.json"
}

main "$@"
