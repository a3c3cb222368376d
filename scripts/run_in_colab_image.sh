#!/usr/bin/env bash
# Inside Colab's runtime image: install the package as the setup cells do, then
# execute each chapter alone in an empty folder. The repository is at /repository.
set -eo pipefail

cp -r /repository /tmp/source
before=$(python3 -m pip list --format=freeze | grep -iE '^(keras|tensorflow|numpy)==')
python3 -m pip install --quiet /tmp/source nbclient ipykernel
after=$(python3 -m pip list --format=freeze | grep -iE '^(keras|tensorflow|numpy)==')
if [ "$before" != "$after" ]; then
  echo "Installing cct_utils changed what Colab has:"
  diff <(echo "$before") <(echo "$after") || true
  exit 1
fi
rm -rf /tmp/source

failed=0
for notebook in /repository/notebooks/*.ipynb; do
  folder=$(mktemp -d)
  cp "$notebook" "$folder"
  echo "$(basename "$notebook")"
  (cd "$folder" && jupyter execute --timeout=3600 "$(basename "$notebook")") \
    || failed=1
done
exit "$failed"
