#!/usr/bin/env bash
# Everything about a GPU in one command: tools/gpu/run.sh OUT [MODEL..]
#
# The kernels' tests, the oracle tests and the starter suite on the GPU, then each full-size model beside
# transformers (compare.py) and OUT/table.md; with the first of them also transformers compiled, the engine's
# memory, batches and devices (engine.py), and a profile (profile.c). Needs CUDA in /usr/local/cuda or CUDA_HOME, a
# C compiler, and Python with torch and transformers (5.17 was used). Binaries come from the folder BINARIES if it
# is set (`lib`, `oracle`, `engine`, `eval`, `speed`, `eyechart`), else cargo builds them.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(mkdir -p "$1" && cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- qwen3-vl-2b qwen3-vl-8b llava-1.5-7b blip2-opt-2.7b blip2-flan-t5-xl instructblip-vicuna-7b minigpt-v2
export EYECHART_DEVICE=cuda

if [ -z "${BINARIES:-}" ]; then
  BINARIES=$out/binaries
  mkdir -p "$BINARIES"
  cargo build --release --locked --features cuda --bin eyechart --example speed
  cp target/release/eyechart target/release/examples/speed "$BINARIES"
  cargo test --release --locked --features cuda --no-run --message-format=json --lib --test oracle --test engine --test eval |
    python3 tools/gpu/binaries.py "$BINARIES"
fi

# The first run on a fresh machine waits for the driver to compile candle's kernels, the second does not.
for start in cold warm; do
  EYECHART_DTYPE=bf16 "$BINARIES/speed" fixtures/models/qwen3-vl-tiny fixtures/oracle/pictures/photo.jpg 8 > "$out/start-$start.jsonl"
done
# What fails is in the files and in what grep prints; the models are measured all the same.
"$BINARIES/lib" nn:: > "$out/lib.txt" 2>&1 || true
"$BINARIES/oracle" --test-threads=8 > "$out/oracle.txt" 2>&1 || true
"$BINARIES/engine" > "$out/engine.txt" 2>&1 || true
"$BINARIES/eval" > "$out/eval.txt" 2>&1 || true
EYECHART_BATCH=32 "$BINARIES/eval" > "$out/eval-32.txt" 2>&1 || true
grep -h "test result" "$out"/*.txt

profile() {
  cuda=${CUDA_HOME:-/usr/local/cuda}
  cc -shared -fPIC -O2 "-I$cuda/include" tools/gpu/profile.c -o /tmp/libprofile.so "-L$cuda/lib64" -lcupti
  for batch in 1 32; do
    EYECHART_DTYPE=bf16 CUDA_INJECTION64_PATH=/tmp/libprofile.so "$BINARIES/speed" "/tmp/checkpoints/$1" /tmp/picture.png 65 --batch $batch 2> "$out/profile-$batch.txt" > /dev/null
  done
}

for model in "$@"; do
  compiled=
  [ "$model" != "$1" ] || compiled=--compiled
  python3 tools/gpu/compare.py "$model" "$BINARIES/speed" "$out/$model.json" $compiled ${COMPARE:-} > "$out/$model.log" 2>&1 || echo "$model failed: see $out/$model.log"
  if [ "$model" = "$1" ]; then
    python3 tools/gpu/engine.py "/tmp/checkpoints/$model" "$BINARIES" "$out/engine.md" || echo "engine.py failed"
    profile "$model" || echo "profile failed"
  fi
  rm -rf "/tmp/checkpoints/$model"
done
python3 tools/gpu/table.py "$out"/*.json | tee "$out/table.md"
