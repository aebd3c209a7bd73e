#!/usr/bin/env bash
# Type-checks the crate with its feature `metal` on a machine that is no Mac: tools/gpu/check_metal.sh [FOLDER]
#
# Apple's bindings (objc2) refuse other targets. Here copies of them, without their links to Apple's frameworks and
# with the flags for GNUstep, stand in their place; nothing of it can be linked or run.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-$(mktemp -d)}
mkdir -p "$folder/src" "$folder/bindings"
cp "$root/Cargo.lock" "$folder"
touch "$folder/src/lib.rs"
cargo fetch --locked --manifest-path "$root/Cargo.toml"
{
  echo '[package]'
  echo 'name = "metal-check"'
  echo 'version = "0.0.0"'
  echo 'edition = "2024"'
  echo '[dependencies]'
  echo "eyechart = { path = \"$root\", features = [\"metal\"] }"
  echo 'objc2 = { version = "0.6", features = ["gnustep-2-1"] }'
  echo 'block2 = { version = "0.6", features = ["gnustep-2-1"] }'
  echo '[patch.crates-io]'
} > "$folder/Cargo.toml"
for name in objc2-core-foundation objc2-foundation objc2-metal; do
  version=$(grep -A1 "^name = \"$name\"" "$root/Cargo.lock" | sed -n 's/^version = "\(.*\)"/\1/p')
  rm -rf "$folder/bindings/$name"
  cp -r "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/"$name-$version" "$folder/bindings/$name"
  grep -rl 'kind = "framework"' "$folder/bindings/$name" | xargs -r sed -i '/#\[link(.*kind = "framework")\]/d'
  echo "$name = { path = \"bindings/$name\" }" >> "$folder/Cargo.toml"
done
cd "$folder"
RUSTFLAGS="${RUSTFLAGS:-} --cap-lints=warn" cargo check
