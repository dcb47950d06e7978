#!/usr/bin/env python3
"""Prints what the figures of a run depend on, as JSON: the machine, its disk, and the versions.

usage: machine.py DIRECTORY     where the benchmarks keep their data, whose disk is meant
"""

import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return (done.stdout.splitlines() or [""])[0].strip()


def in_file(pattern, path):
    with open(path, encoding="utf-8") as file:
        found = re.search(pattern, file.read(), re.MULTILINE)
    return found.group(1).strip() if found else ""


def debian_package(name):
    return first_line("dpkg-query", "--show", "--showformat=${Version}", name)


def fsync_us(directory, rounds=200):
    """Of 4 KiB appended and synced, as a log does: median and 99th percentile, in microseconds."""
    path = os.path.join(directory, "fsync-probe")
    took = []
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    try:
        for _ in range(rounds):
            os.write(file, b"x" * 4096)
            start = time.perf_counter()
            os.fdatasync(file)
            took.append((time.perf_counter() - start) * 1e6)
    finally:
        os.close(file)
        os.unlink(path)
    return round(statistics.median(took)), round(sorted(took)[rounds * 99 // 100])


def main():
    median, p99 = fsync_us(sys.argv[1])
    described = {
        "date": datetime.date.today().isoformat(),
        "commit": first_line("git", "-c", "safe.directory=*", "describe", "--always", "--dirty"),
        "cpu": in_file(r"^model name\s*: (.*)$", "/proc/cpuinfo") or platform.machine(),
        "cores": os.cpu_count(),
        "memory_mib": int(in_file(r"^MemTotal:\s+(\d+)", "/proc/meminfo")) // 1024,
        "kernel": platform.release(),
        "system": in_file(r'^PRETTY_NAME="(.*)"$', "/etc/os-release"),
        "fdatasync_p50_us": median,
        "fdatasync_p99_us": p99,
        "compiler": first_line("c++", "--version"),
        "grpc": debian_package("libgrpc++-dev"),
        "rocksdb": debian_package("librocksdb-dev"),
        "redis": debian_package("redis-server"),
    }
    json.dump(described, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
