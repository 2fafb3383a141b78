#!/usr/bin/env bash
# The gate in any CI: evaluates this checkout, compares it with the revision it started from, keeps the report.
# Usage: ci.sh [REVISION] [FLAG ...]   REVISION is what to compare latency with, e.g. origin/main; "" compares nothing.
set -euo pipefail

revision=${1-}
[ $# -eq 0 ] || shift
out=${E2I_OUT:-.e2i}
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
mkdir -p "$out"

flags=(--e2i-eval "--e2i-report=$out" "--junitxml=$out/junit.xml")
if [ -n "$revision" ]; then
  flags+=("--e2i-ab=$(git merge-base HEAD "$revision")")
fi

code=0
python -m pytest "${flags[@]}" "$@" || code=$?

case $code in
  0) echo "gate: passed" ;;
  1) echo "gate: failed, see $out/report.md" ;;
  6) echo "gate: inconclusive, see $out/report.md" ;;
  *) echo "gate: the evaluation itself did not work (exit code $code)" ;;
esac
exit "$code"
