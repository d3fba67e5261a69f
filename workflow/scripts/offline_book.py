"""The built book as one zip file: unpack it and open index.html, with no network and no server.

Run: python workflow/scripts/offline_book.py _build/synderm-quick/_build/html dermimit.zip
"""

import sys
import zipfile
from pathlib import Path

from dermimit.records import write_atomically

FOLDER = "dermimit-book"  # within the file
NEEDED = ("index.html", "_static/explorer/page.js")


def pack(html: Path, out: Path) -> int:
    """Write the zip file.

    Args:
        html: folder of the built book.
        out: file to write.

    Returns:
        number of files in it.

    Raises:
        FileNotFoundError: the folder holds no built book.
    """
    if missing := [name for name in NEEDED if not (html / name).is_file()]:
        raise FileNotFoundError(f"{html / missing[0]} is missing: run `make book` first")
    files = sorted(path for path in html.rglob("*") if path.is_file() and path.name != ".buildinfo")

    def write(draft: Path) -> None:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in files:
                archive.write(path, Path(FOLDER) / path.relative_to(html))

    write_atomically(out, write)
    return len(files)


if __name__ == "__main__":
    count = pack(Path(sys.argv[1]), Path(sys.argv[2]))
    print(f"{sys.argv[2]}: {count} files, {Path(sys.argv[2]).stat().st_size / 1e6:.0f} MB")
