#!/usr/bin/env bash
# Everything about a GPU in one command: tools/gpu/run.sh OUT [MODEL..]
#
# The kernels' tests, the oracle tests and the starter suite on the GPU, then each full-size model beside
# transformers (compare.py), and OUT/table.md. Needs CUDA, and Python with torch and transformers (5.17 was
# used). Binaries come from the folder BINARIES if it is set (`lib`, `oracle`, `eval`, `speed`), else cargo
# builds them.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(mkdir -p "$1" && cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- qwen3-vl-2b qwen3-vl-8b llava-1.5-7b blip2-opt-2.7b blip2-flan-t5-xl instructblip-vicuna-7b minigpt-v2
export EYECHART_DEVICE=cuda

run() {
  if [ -n "${BINARIES:-}" ]; then "$BINARIES/$1" "${@:2}"; else
    case $1 in
      lib) cargo test --release --locked --features cuda --lib -- "${@:2}" ;;
      speed) cargo run --release --locked --features cuda --example speed -- "${@:2}" ;;
      *) cargo test --release --locked --features cuda --test "$1" -- "${@:2}" ;;
    esac
  fi
}

# The first run on a fresh machine waits for the driver to compile candle's kernels, the second does not.
for start in cold warm; do
  EYECHART_DTYPE=bf16 run speed fixtures/models/qwen3-vl-tiny fixtures/oracle/pictures/photo.jpg 8 > "$out/start-$start.jsonl"
done
run lib nn:: > "$out/lib.txt" 2>&1
run oracle --test-threads=8 > "$out/oracle.txt" 2>&1
run eval > "$out/eval.txt" 2>&1
EYECHART_BATCH=32 run eval > "$out/eval-32.txt" 2>&1
grep -h "test result" "$out"/*.txt

speed=${BINARIES:+$BINARIES/speed}
for model in "$@"; do
  python3 tools/gpu/compare.py "$model" "${speed:-target/release/examples/speed}" "$out/$model.json" ${COMPARE:-} > "$out/$model.log" 2>&1 || echo "$model failed: see $out/$model.log"
  rm -rf "/tmp/checkpoints/$model"
done
python3 tools/gpu/table.py "$out"/*.json | tee "$out/table.md"
