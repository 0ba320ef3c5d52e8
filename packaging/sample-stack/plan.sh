#!/bin/sh
# Compares what is wanted (greeting.conf) with what is there, and writes the difference to a plan that the apply uses.
set -eu
wanted=$(cat greeting.conf)
echo "Comparing greeting.conf with the world ..."
echo
echo "  + greeting = \"$wanted\""
echo
echo "Plan: 1 to add, 0 to change, 0 to destroy."
printf '%s\n' "$wanted" >../greeting.plan
od -An -N8 -tx1 /dev/urandom | tr -d ' \n' >../greeting.plan.id
echo "Saved the plan $(cat ../greeting.plan.id) in the workspace."
