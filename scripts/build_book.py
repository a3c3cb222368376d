"""Build the site into `_build/html`, with every warning an error.

Nothing is executed and neither Keras nor TensorFlow is imported. Only pages
that changed are built anew; a change of the settings rebuilds everything.
Beside the site lies a copy of it in one file, for reading without a network,
and the PDF once `make_pdf.py` has run, until the pages change; the home page
links to what is there.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "_build"
RUN = "from jupyter_book.cli.main import main; main()"
STAMP = OUTPUT / "settings.sha256"
# Every page names its styles and scripts by their checksums.
SETTINGS = [
    "_config.yml",
    "_toc.yml",
    "requirements.txt",
    "book/_extensions",
    "book/_static",
]

COPY = "compact-convolutional-transformers"
HOME = "book/index.html"
PLACE = re.compile(r'(<p id="offline-copy"[^>]*>).*?(</p>)', re.DOTALL)
INSIDE = "You are reading the offline copy: no page of it needs a network."
# What no page loads: the theme's icons and the maps of its scripts.
LEFT_OUT = re.compile(
    r"\.map$|/fontawesome|webpack-macros\.html$|^\.buildinfo$|\.(zip|pdf|part)$"
)
COMPRESSED = {".png", ".jpg", ".woff", ".woff2", ".gz"}
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first day that a zip can name


def settings_digest():
    """One checksum of all that every page depends on."""
    digest = hashlib.sha256(sys.version.encode())
    for name in SETTINGS:
        path = ROOT / name
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and file.suffix != ".pyc":
                digest.update(file.read_bytes())
    return digest.hexdigest()


def build():
    """Run Jupyter Book; return its exit code."""
    digest = settings_digest()
    if not STAMP.exists() or STAMP.read_text() != digest:
        shutil.rmtree(OUTPUT, ignore_errors=True)
    command = [sys.executable, "-c", RUN, "build", str(ROOT)]
    command += ["-W", "-n", "--keep-going", "-q"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode == 0:
        STAMP.write_text(digest)
    else:
        print(done.stdout)
    return done.returncode


def write_offline_copy(html):
    """Pack the site into one file, the same bytes for the same site.

    A page that says where the copy can be had makes no sense inside of it, so
    there the home page says what it is.
    """
    home = (html / HOME).read_text("utf-8")
    files = {
        name: path
        for path in sorted(html.rglob("*"))
        if path.is_file()
        and not LEFT_OUT.search(name := path.relative_to(html).as_posix())
    }
    contents = {name: path.read_bytes() for name, path in files.items()}
    contents[HOME] = PLACE.sub(rf"\1{INSIDE}\2", home).encode()
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    comment = digest.hexdigest().encode()
    copy = html / f"{COPY}.zip"
    if not copy.exists() or site_digest(html) != comment:
        pack(contents, copy, comment)
    drop_old_pdf(html)
    offer_downloads(html)
    return copy


def site_digest(html):
    """The checksum of the site, as its copy in one file has it."""
    with zipfile.ZipFile(html / f"{COPY}.zip") as archive:
        return archive.comment


def pdf_stamp(html):
    """The file that holds the digest of the site that the PDF shows."""
    return html.with_name("pdf") / f"{COPY}.sha256"


def drop_old_pdf(html):
    """Remove a PDF that was printed of other pages: it is no longer offered."""
    stamp = pdf_stamp(html)
    if not stamp.exists() or stamp.read_bytes() != site_digest(html):
        (html / f"{COPY}.pdf").unlink(missing_ok=True)


def offer_pdf(html, printed, digest):
    """Put the PDF into the site, where it stays until the pages change.

    `digest` is that of the site when it was read.
    """
    part = html / f"{COPY}.part"
    shutil.copyfile(printed, part)
    part.replace(html / f"{COPY}.pdf")
    stamp = pdf_stamp(html)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_bytes(digest)
    offer_downloads(html)


def offer_downloads(html):
    """Link the home page to the copy and the PDF, and name their sizes."""

    def link(path, words):
        size = f"{path.stat().st_size / 1e6:.0f} MB"
        return f'<a href="../{path.name}" download>{words}</a> ({size})'

    copy, pdf = html / f"{COPY}.zip", html / f"{COPY}.pdf"
    text = (
        "Where there is no network: "
        f"{link(copy, 'the whole site in one file')}. Unpack it and open "
        "<code>index.html</code>; search, formulas and explorers work there."
    )
    if pdf.exists():
        text += f" For paper: {link(pdf, 'the book as a PDF')}."
    home = (html / HOME).read_text("utf-8")
    offered = PLACE.sub(rf"\1{text}\2", home)
    if offered != home:
        (html / HOME).write_text(offered, "utf-8")


def pack(contents, copy, comment):
    """Write a zip without times, and put it in place when it is whole."""
    part = copy.with_suffix(".part")
    with zipfile.ZipFile(part, "w") as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(f"{COPY}/{name}", EPOCH)
            entry.external_attr = 0o644 << 16
            if Path(name).suffix not in COMPRESSED:
                entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
        archive.comment = comment
    part.replace(copy)


def main():
    """Build, and say where the site lies and how long it took."""
    start = time.perf_counter()
    code = build()
    if code:
        sys.exit(f"The book did not build: see the messages above ({code}).")
    write_offline_copy(OUTPUT / "html")
    seconds = time.perf_counter() - start
    print(f"Built in {seconds:.0f} s: {OUTPUT / 'html' / 'index.html'}")


if __name__ == "__main__":
    main()
