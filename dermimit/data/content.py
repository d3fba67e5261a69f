"""What a file that is no photograph holds, told by its first bytes, whatever its name says."""

from codecs import getincrementaldecoder

from dermimit.data.photo_files import AVIF, HEIC, KIND_OF, Kind

STARTS = 512  # bytes looked at
WEB_PAGE = ("a web page", "")
POINTER = ("a pointer of Git LFS", "fetch the photograph with `git lfs pull`")
TEXT = ("text", "")
NOTHING = ("nothing known", "")
SIGNATURES = {  # suffix of the kind: how its files begin
    ".gif": (b"GIF87a", b"GIF89a"),
    ".jp2": (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51", b"\xff\x0a", b"\0\0\0\x0cJXL "),
    ".psd": (b"8BPS", b"%PDF", b"%!PS", b"\xc5\xd0\xd3\xc6", b"<svg"),
    ".zip": (b"PK\x03\x04", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ"),
    ".avi": (b"\x1aE\xdf\xa3", b"\0\0\x01\xba"),
    ".h5": (b"\x89HDF", b"SIMPLE  ", b"P3", b"P5", b"P6", b"v/1\x01", b"\0\0\x01\0"),
}
BRANDS = {  # of the container that HEIC, AVIF and most videos share
    HEIC: (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
    AVIF: (b"avif", b"avis"),
    KIND_OF[".cr3"]: (b"crx ",),
}


def content_of(start: bytes) -> Kind:
    """What a file holds, and what to do with it ("" where it should be replaced).

    Args:
        start: its first `STARTS` bytes.
    """
    if start[4:8] == b"ftyp":
        major, others = start[8:12], start[16:64]
        if major in (b"mif1", b"msf1") and b"avif" in others:
            return AVIF
        return next((kind for kind, names in BRANDS.items() if major in names), KIND_OF[".mov"])
    if start[128:132] == b"DICM":
        return KIND_OF[".dcm"]
    for suffix, beginnings in SIGNATURES.items():
        if start.startswith(beginnings):
            return KIND_OF[suffix]
    plain = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if plain.startswith(b"version https://git-lfs"):
        return POINTER
    if plain.startswith(b"<"):
        return KIND_OF[".svg"] if b"<svg" in plain else WEB_PAGE
    return TEXT if plain and _is_text(start) else NOTHING


def _is_text(start: bytes) -> bool:
    """Whether these are the first bytes of a text in UTF-8, perhaps cut within a character."""
    try:
        getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return all(byte >= 32 or byte in b"\t\n\r" for byte in start)
