#!/bin/sh
# Takes out of an environment what no step needs: headers, static libraries, symbol tables, the tests of big packages.
#   slim.sh VENV
set -eu
cd "$1"/lib/python3*/site-packages
rm -rf tensorflow/include pyarrow/include
for package in numpy pandas pyarrow scipy sklearn; do
    find "$package" -type d -name tests -prune -exec rm -rf {} +
done
find . -name '*.a' -delete
# Symbols for a debugger only; those that the loader needs stay. Bundled libraries (*.libs) have checksums in their names.
find . -name '*.so*' -type f -size +1M -not -path './*.libs/*' -not -path './nvidia/*' \
    -exec strip --strip-unneeded {} + 2>/dev/null || true
