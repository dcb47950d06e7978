#!/usr/bin/env bash
# Prints what these languages' tests miss on this machine, a line each: "PACKAGE: WHAT (COMMAND)".
# usage: tests/conformance/toolchains.sh python|go|java|node...
set -euo pipefail

ask() { "${@:3}" >/dev/null 2>&1 || echo "$1: $2"; }

for language in "$@"; do
  case $language in
    python) ask python3-venv "Python with venv (python3)" python3 -c 'import ensurepip, venv' ;;
    go) ask golang-go "Go toolchain (go)" command -v go ;;
    java)
      ask openjdk-17-jdk-headless "Java compiler (javac)" command -v javac
      ask maven "Maven (mvn)" command -v mvn
      ;;
    node)
      ask nodejs "Node.js (node)" command -v node
      ask npm "npm (npm)" command -v npm
      ;;
    *)
      echo "toolchains.sh: there are python, go, java and node, not $language" >&2
      exit 2
      ;;
  esac
done
