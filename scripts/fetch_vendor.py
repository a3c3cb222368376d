"""Fetch the site's browser libraries from npm, by version and checksum.

Run `python scripts/fetch_vendor.py` after changing a version below; with
`--check` nothing is fetched, the committed files are compared with the manifest
alone. Every file under `book/_static/vendor` is listed in its `manifest.json`.
"""

import argparse
import base64
import gzip
import hashlib
import io
import json
import re
import sys
import tarfile
import urllib.request
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[1] / "book" / "_static" / "vendor"
MANIFEST = VENDOR / "manifest.json"
REGISTRY = "https://registry.npmjs.org"

# `files` maps a path inside the npm package to one under book/_static/vendor;
# a path that ends in "/" takes the whole folder. A target that ends in
# PACKED gets its file compressed, in a script that a page can load without a
# server too. A `license_file` that the package does not carry itself is kept
# as committed.
PACKED = ".gz.js"
PACKAGES = [
    {
        "name": "mathjax",
        "version": "3.2.2",
        "license": "Apache-2.0",
        "license_file": "mathjax/LICENSE",
        "use": "typesets the formulas; loaded on pages that have any",
        "files": {
            "es5/tex-chtml-full.js": "mathjax/tex-chtml-full.js",
            "es5/output/chtml/fonts/woff-v2/": (
                "mathjax/output/chtml/fonts/woff-v2/"
            ),
            "LICENSE": "mathjax/LICENSE",
        },
    },
    {
        "name": "requirejs",
        "version": "2.3.8",
        "license": "MIT",
        "license_file": "requirejs/LICENSE",
        "use": "module loader of the widget manager; on pages with widgets",
        "files": {"require.js": "requirejs/require.js"},
    },
    {
        "name": "@jupyter-widgets/html-manager",
        "version": "1.0.15",
        "license": "BSD-3-Clause",
        "license_file": "html-manager/LICENSE",
        "use": "shows saved widgets without a kernel; on pages with widgets",
        "files": {
            "dist/embed-amd.js": "html-manager/embed-amd.js",
            # Font Awesome as the script names it: solid, brands, regular.
            "dist/1551f4f60c37af51121f.woff2": (
                "html-manager/1551f4f60c37af51121f.woff2"
            ),
            "dist/d878b0a6a1144760244f.woff2": (
                "html-manager/d878b0a6a1144760244f.woff2"
            ),
            "dist/7a3337626410ca2f4071.woff2": (
                "html-manager/7a3337626410ca2f4071.woff2"
            ),
        },
    },
    {
        "name": "anywidget",
        "version": "0.11.0",
        "license": "MIT",
        "license_file": "anywidget/LICENSE",
        "use": "runs the explorers' own code; on pages with widgets",
        "files": {
            "dist/index.js": "anywidget/index.js",
            "LICENSE": "anywidget/LICENSE",
        },
    },
    {
        # The last version that has builds without threads: they are the
        # smallest, and ask for no special headers of the site's server.
        "name": "onnxruntime-web",
        "version": "1.18.0",
        "license": "MIT",
        "license_file": "onnxruntime-web/LICENSE",
        "use": "runs the trained model; on the page Try it, when a picture "
        "is chosen",
        "files": {
            "dist/ort.wasm.min.js": "onnxruntime-web/ort.wasm.min.js",
            "dist/ort-wasm-simd.wasm": (
                "onnxruntime-web/ort-wasm-simd.wasm.gz.js"
            ),
        },
    },
]


def fetch_json(url):
    """The JSON document at `url`."""
    with urllib.request.urlopen(url, timeout=60) as response:
        return json.load(response)


def fetch_tarball(package):
    """One package's archive, verified against the registry's SHA-512."""
    name, version = package["name"], package["version"]
    dist = fetch_json(f"{REGISTRY}/{name}/{version}")["dist"]
    with urllib.request.urlopen(dist["tarball"], timeout=120) as response:
        data = response.read()
    algorithm, expected = dist["integrity"].split("-", 1)
    received = base64.b64encode(hashlib.new(algorithm, data).digest())
    if received.decode() != expected:
        sys.exit(f"{name} {version}: the archive does not match its checksum.")
    return data


def write_files(package, data):
    """Write the chosen files of one archive; return their relative paths."""
    written = []
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive.getmembers():
            inner = member.name.split("/", 1)[-1]
            target = destination(package["files"], inner)
            if target is None or not member.isfile():
                continue
            path = VENDOR / target
            path.parent.mkdir(parents=True, exist_ok=True)
            content = archive.extractfile(member).read()
            if target.endswith(PACKED):
                content = pack(Path(inner).name, content)
            path.write_bytes(content)
            written.append(target)
    return written


def pack(name, content):
    """A script that puts a file, compressed, into the object `packedFiles`."""
    text = base64.b64encode(gzip.compress(content, mtime=0)).decode()
    return (
        f'(globalThis.packedFiles ??= {{}})["{name}"] =\n"{text}";\n'.encode()
    )


def unpack(script):
    """The file inside a script that `pack` has made."""
    form = rb'\(globalThis\.packedFiles \?\?= {}\)\["[\w.-]+"\] =\n"(\S+)";\n'
    return gzip.decompress(base64.b64decode(re.fullmatch(form, script)[1]))


def destination(files, inner):
    """Where a packaged file goes, or None if it is not wanted."""
    for source, target in files.items():
        if inner == source:
            return target
        if source.endswith("/") and inner.startswith(source):
            return target + inner.removeprefix(source)
    return None


def sha256(path):
    """The SHA-256, in hexadecimal, of a file as its package has it."""
    content = path.read_bytes()
    if path.name.endswith(PACKED):
        content = unpack(content)
    return hashlib.sha256(content).hexdigest()


def write_manifest(packages):
    """List every vendored file with its checksum, package by package."""
    entries = []
    for package, written in packages:
        paths = sorted({*written, package["license_file"]})
        entries.append(
            {key: package[key] for key in ("name", "version", "license", "use")}
            | {"files": {path: sha256(VENDOR / path) for path in paths}}
        )
    MANIFEST.write_text(json.dumps(entries, indent=2) + "\n", "utf-8")


def check():
    """Compare the files with the manifest; return the differences."""
    listed = {}
    for entry in json.loads(MANIFEST.read_text("utf-8")):
        listed |= entry["files"]
    present = {
        path.relative_to(VENDOR).as_posix()
        for path in VENDOR.rglob("*")
        if path.is_file()
    } - {"manifest.json", "README.md"}
    problems = [
        f"not in the manifest: {p}" for p in sorted(present - set(listed))
    ]
    problems += [f"missing: {path}" for path in sorted(set(listed) - present)]
    problems += [
        f"changed: {path}"
        for path in sorted(present & set(listed))
        if sha256(VENDOR / path) != listed[path]
    ]
    return problems


def main():
    """Fetch everything anew, or check what is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only compare")
    if not parser.parse_args().check:
        write_manifest(
            [(p, write_files(p, fetch_tarball(p))) for p in PACKAGES]
        )
    problems = check()
    print("\n".join(problems) or f"{VENDOR.name}: all files as listed")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
