"""Carry out a Dockerfile without Docker: its steps in a bare Debian root, and the size of the result as JSON.

    sudo python tools/build_root.py ROOT [--file examples/deploy/Dockerfile] [--build-arg NAME=VALUE] [--bind SOURCE:TARGET] [--env NAME=VALUE]

It needs root, `debootstrap` and several minutes. ROOT is made, unless it exists. The image debian:bookworm-slim is in place of debootstrap's
smallest root. `--bind`: a folder or file of this machine that the steps can read, such as
one with wheels or the certificates of a proxy; it does not count. Choose a TARGET that no step writes to.
"""

import argparse
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
MIRROR = "http://deb.debian.org/debian"
FROM = re.compile(r"debian:(\w+)-slim")
LEFT_OUT = ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache/apt")  # of the slim image, too
NO_STEPS = {"CMD", "EXPOSE", "HEALTHCHECK", "USER"}  # of a running container


def parse_dockerfile(text: str) -> list[tuple[str, str]]:
    """Instruction and value of each step, without comments, with joined lines.

    >>> parse_dockerfile("# a\\nFROM x\\nRUN a \\\\\\n  # why\\n  && b\\n")
    [('FROM', 'x'), ('RUN', 'a && b')]
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    steps = [line.partition(" ") for line in joined.splitlines() if line.strip()]
    return [(name.upper(), value.strip()) for name, _, value in steps]


@contextmanager
def mount(target: Path, *arguments: str | Path, is_folder: bool = True) -> Iterator[None]:
    """Mount something in the root for the length of a `with` block, read-only: no step can change this machine."""
    if is_folder:
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    subprocess.run(["mount", *arguments, target], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", target], check=True)
        yield
    finally:
        subprocess.run(["umount", target], check=True)


def run_step(root: Path, name: str, value: str, arguments: dict[str, str], environment: dict[str, str]) -> None:
    """Carry out one step; ARG and ENV change `environment`."""
    if name == "FROM":
        found = FROM.fullmatch(value)
        if found is None:
            raise SystemExit(f"FROM {value}: only debian:NAME-slim can be made.")
        if not (root / "bin").exists():
            subprocess.run(["debootstrap", "--variant=minbase", found[1], root, MIRROR], check=True)
    elif name == "ARG":
        key, _, default = value.partition("=")
        environment[key] = arguments.get(key, default)
    elif name == "ENV":
        key, _, setting = value.partition("=")
        environment[key] = setting
    elif name == "COPY":
        *sources, target = shlex.split(value)
        for source in sources:
            into = root / target.lstrip("/")
            if (REPOSITORY / source).is_dir():
                shutil.copytree(
                    REPOSITORY / source, into, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                into.mkdir(parents=True, exist_ok=True)
                shutil.copy(REPOSITORY / source, into)
    elif name == "RUN":
        subprocess.run(["chroot", root, "/bin/sh", "-ec", value], check=True, env=environment)
    elif name not in NO_STEPS:
        raise SystemExit(f"{name} {value}: this step is not known.")


def measure_size(root: Path) -> int:
    """Bytes on disk, without what is mounted."""
    done = subprocess.run(["du", "-sx", "--block-size=1", root], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--file", type=Path, default=REPOSITORY / "examples" / "deploy" / "Dockerfile")
    parser.add_argument("--build-arg", action="append", default=[])
    parser.add_argument("--bind", metavar="SOURCE:TARGET", action="append", default=[])
    parser.add_argument("--env", action="append", default=[])
    options = parser.parse_args()
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
    environment |= dict(each.split("=", 1) for each in options.env)
    arguments = dict(each.split("=", 1) for each in options.build_arg)
    steps = parse_dockerfile(options.file.read_text(encoding="utf-8"))
    sizes: dict[str, float] = {}
    for number, (name, value) in enumerate(steps):
        with ExitStack() as mounts:
            if name == "RUN":
                mounts.enter_context(mount(options.root / "proc", "-t", "proc", "proc"))
                for pair in ["/etc/resolv.conf:/etc/resolv.conf", *options.bind]:
                    source, _, target = pair.partition(":")
                    folder = Path(source).is_dir()
                    mounts.enter_context(mount(options.root / target.lstrip("/"), "--bind", source, is_folder=folder))
            run_step(options.root, name, value, arguments, environment)
        if name in ("FROM", "RUN"):
            for left_out in LEFT_OUT:
                shutil.rmtree(options.root / left_out, ignore_errors=True)
            sizes[f"{number} {name} {value[:60]}"] = round(measure_size(options.root) / 1e9, 3)
    print(json.dumps({"gigabytes": measure_size(options.root) / 1e9, "after_each_step": sizes}, indent=2))


if __name__ == "__main__":
    main()
