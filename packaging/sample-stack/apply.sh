#!/bin/sh
# Carries out the plan that the plan stage left in the workspace: in another container, perhaps on another machine.
set -eu
echo "Found the plan $(cat ../greeting.plan.id) in the workspace that was carried over."
echo "greeting: Creating ..."
cat ../greeting.plan >greeting.txt
echo "greeting: Creation complete: \"$(cat greeting.txt)\""
echo
echo "Apply complete! Resources: 1 added, 0 changed, 0 destroyed."
