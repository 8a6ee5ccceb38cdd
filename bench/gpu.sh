#!/usr/bin/env bash
# Everything that needs a GPU, in under 8 minutes, on a machine that has only its driver:
#
#   bench/gpu.sh build        builds the tests and benchmarks into bench/gpu/bin, where there is Go
#   bench/gpu.sh run          runs them on the first GPU and prints one table, where the repository's files and bench/gpu/bin are
#   bench/gpu.sh run emulated rehearses that on the interpreter, with sizes that it manages
#   bench/gpu.sh              builds, then runs
#
# With PyTorch and CUDA at hand (python3), its times stand beside.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
bin=$root/bench/gpu/bin

build() {
	mkdir -p "$bin"
	export CGO_ENABLED=0
	for package in kernels/cuda kernels/cuda/driver nn pid; do
		go test -c -o "$bin/$(echo "$package" | tr / -).test" "./$package"
	done
	go build -o "$bin/ptx" ./tools/ptx
	go build -o "$bin/gpu" ./bench/gpu
}

results=()
failed=0

# check NAME FOLDER COMMAND…: runs a command in a folder and notes whether and how fast it passed.
check() {
	local name=$1 folder=$2 start=$SECONDS
	shift 2
	printf '\n== %s\n' "$name"
	if (cd "$root/$folder" && timeout 240 "$@") >"$log" 2>&1; then
		results+=("| $name | passed | $((SECONDS - start)) s |")
	else
		failed=1
		tail -n 40 "$log"
		results+=("| $name | **FAILED** | $((SECONDS - start)) s |")
	fi
	grep -E '^(ok|--- FAIL|FAIL)' "$log" | tail -n 5 || true
}

run() {
	local kind=${1:-cuda} device=cuda:0 small=() cases short=()
	[ -x "$bin/gpu" ] || { echo "bench/gpu/bin is missing: bench/gpu.sh build makes it, where there is Go" >&2; exit 1; }
	if [ "$kind" = emulated ]; then
		device=emulated small=(--small --time 0.01) short=(-test.short)
	fi
	export ONESTEP_DEVICE=$kind
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	mapfile -t cases < <(ls "$root"/tools/ptx/testdata/*.json)
	check "conformance cases" . "$bin/ptx" case --device "${kind}" "${cases[@]}"
	check "operations against their specification" kernels/cuda "$bin/kernels-cuda.test" "${short[@]}" -test.run "$operations"
	check "golden operations and networks" nn "$bin/nn.test" -test.v -test.run "$golden"
	check "training steps, recorded and not" pid "$bin/pid.test" -test.v -test.run 'StepOnGPU'
	if [ "$kind" = cuda ]; then
		check "full-size golden networks" nn "$bin/nn.test" -test.v -test.run 'GoldenFullUNet|GoldenLPIPS|GoldenHalf'
		check "golden loss and training trace" pid "$bin/pid.test" -test.v -test.run 'GoldenPIDLoss|GoldenTrainingTrace'
	fi
	local peer=()
	if [ "$kind" = cuda ] && python3 -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
		"$bin/gpu" --list | timeout 150 python3 bench/gpu/peer.py >"$bin/peer.json" && peer=(--peer "$bin/peer.json")
	else
		echo "no PyTorch with CUDA here: its column stays empty"
	fi
	printf '\n'
	timeout 240 "$bin/gpu" --device "$device" "${small[@]}" "${peer[@]}" || failed=1
	printf '\n| check | result | time |\n|---|---|---|\n'
	printf '%s\n' "${results[@]}"
	return $failed
}

operations='.'
golden='GoldenOps|GoldenUNet|GoldenPrecond'

case ${1:-all} in
build) build ;;
run) run "${2:-cuda}" ;;
all) build && run cuda ;;
*)
	sed -n '2,9s/^# \{0,1\}//p' "$0"
	exit 2
	;;
esac
