"""The files of a folder by what they are: photographs that are read, files of other kinds, links."""

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from PIL import features

HEIC = ("HEIC", 'pip install "dermimit[heic]", or save them as JPEG')
AVIF = ("AVIF", "install a Pillow that reads AVIF, or save them as JPEG")
HEIC_SUFFIXES, AVIF_SUFFIXES = (".heic", ".heif", ".hif"), (".avif",)
ALWAYS_READ = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff")
PHOTO_SUFFIXES = ALWAYS_READ + AVIF_SUFFIXES + HEIC_SUFFIXES
"""Suffixes in small letters, of all files that can be read here or where a further library is installed."""

NOT_READ = {  # kind of file, and what to do with it: its suffixes
    ("camera raw", "develop them and save them as JPEG or TIFF"): """.3fr .arw .cr2 .cr3 .crw .dng .erf .fff .iiq .kdc
        .mef .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 .rwl .sr2 .srf .srw .x3f""",
    ("DICOM", "export them as PNG"): ".dcm .dicom .dcm30",
    ("GIF", "save them as PNG"): ".gif",
    ("JPEG 2000 or JPEG XL", "save them as JPEG or PNG"): ".j2c .j2k .jp2 .jpf .jpm .jpx .jxl .jxr .wdp",
    ("files of a drawing program", "export them as PNG"): """.afphoto .ai .emf .eps .kra .ora .pdf .ps .psb .psd .svg
        .svgz .wmf .xcf""",
    ("videos", "save single pictures of them as JPEG"): """.3gp .avi .flv .m4v .mkv .mov .mp4 .mpeg .mpg .mts .webm
        .wmv""",
    ("archives", "unpack them here, if they hold photographs"): ".7z .bz2 .gz .rar .tar .tgz .xz .zip .zst",
    ("other picture formats", "save them as PNG"): """.apng .bpg .cur .czi .dds .dib .exr .fits .h5 .hdf5 .hdr .icns
        .ico .jng .mha .mng .mrxs .ndpi .nii .nrrd .pbm .pcx .pgm .pnm .ppm .scn .sgi .svs .tga .xbm .xpm""",
}
KIND_OF = {suffix: kind for kind, suffixes in NOT_READ.items() for suffix in suffixes.split()}
WITHOUT_SUFFIX = ("files without a suffix", "add the suffix of their format, such as .jpg")
NOT_UTF8 = ("names that are not UTF-8", "rename them, such as with convmv, or unpack their archive with its encoding")
UNKNOWN = ("files with an unknown suffix", "give them the suffix of their format, such as .jpg")
DOCUMENTS = """.aae .arrow .bib .cfg .css .csv .db .doc .docx .feather .htm .html .ini .ipynb .js .json .jsonl .lnk
    .lock .log .md .md5 .npy .npz .odp .ods .odt .onnx .parquet .pickle .pkl .ppt .pptx .pt .pth .py .r .rst .rtf
    .safetensors .sha1 .sha256 .sqlite .tex .toml .tsv .txt .url .xls .xlsx .xml .xmp .yaml .yml"""
LEFTOVERS = ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information")
MASK = re.compile(r"(.+?)(?:[_-](?:lesion|binary|gt))?[_-](?:masks?|segmentation|seg)")
SHOWN = 5  # paths named in one note; the rest are counted
Kind = tuple[str, str]


@dataclass(frozen=True)
class Files:
    """What is in a folder, as paths relative to it with forward slashes, sorted.

    Args:
        photos: photographs that are read.
        unread: files that may be photographs and are not read, by kind and what to do with it.
        folders: all folders, without those that are passed over.
        links: links to folders, which are not followed.
        broken: links that lead nowhere.
    """

    photos: list[str] = field(default_factory=list)
    unread: dict[Kind, list[str]] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        """One line for each kind of file or link that is not read: how many, which, and what to do."""
        lines = []
        for (kind, remedy), paths in self.unread.items():
            lines.append(f"{len(paths)} file(s) not read, {kind}: {shown(paths)}; {remedy}")
        if self.links:
            remedy = "a link is not followed; copy the folder inside"
            lines.append(f"{len(self.links)} linked folder(s) not read: {shown(self.links)}; {remedy}")
        if self.broken:
            lines.append(f"{len(self.broken)} link(s) lead nowhere: {shown(self.broken)}; copy the files inside")
        return lines

    def mask_notes(self) -> list[str]:
        """One line where photographs have the name of another with "mask" or the like behind it."""
        stems = {os.path.splitext(os.path.basename(path))[0].casefold() for path in self.photos}
        named = ((path, MASK.fullmatch(os.path.splitext(os.path.basename(path))[0].casefold())) for path in self.photos)
        masks = [path for path, found in named if found and found[1] in stems]
        remedy = "they count as photographs; move them into a folder masks if they are masks"
        return [f"{len(masks)} file(s) are named like masks of others: {shown(masks)}; {remedy}"] if masks else []


def shown(names: Collection[str], most: int = SHOWN) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(list(names)[:most]) + more


def is_utf8(name: str) -> bool:
    """Whether a file's name is text: those of old archives may be bytes of another encoding, which no table holds."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def heic_is_read() -> bool:
    """Whether the library that decodes HEIC is installed."""
    try:
        return find_spec("pillow_heif") is not None
    except ValueError:  # it was set to None in sys.modules
        return False


def avif_is_read() -> bool:
    """Whether this Pillow decodes AVIF."""
    return "avif" in features.modules and bool(features.check("avif"))


def read_suffixes() -> tuple[str, ...]:
    """The suffixes, in small letters, of the photographs that can be read here."""
    avif = AVIF_SUFFIXES if avif_is_read() else ()
    return ALWAYS_READ + avif + (HEIC_SUFFIXES if heic_is_read() else ())


def kind_of(suffix: str) -> Kind:
    """The kind of a file that is not read here, by its suffix in small letters."""
    if suffix in HEIC_SUFFIXES:
        return HEIC
    return AVIF if suffix in AVIF_SUFFIXES else KIND_OF.get(suffix, UNKNOWN if suffix else WITHOUT_SUFFIX)


def survey(root: Path | str, exclude: Collection[str] = ("masks",)) -> Files:
    """What is in a folder, to any depth; links to folders are not followed.

    Hidden files and folders are passed over, and what macOS, Windows and network drives leave. So are documents and
    tables, and at the top, where licences stand, files without suffix or with an unknown one.

    Args:
        root: the folder.
        exclude: names of folders that hold no photographs.
    """
    files, suffixes, documents = Files(), read_suffixes(), set(DOCUMENTS.split())
    known = {*KIND_OF, *AVIF_SUFFIXES, *HEIC_SUFFIXES}
    for inside, folders, names in _walk(root, exclude):
        for folder in filter(is_utf8, folders):
            path = os.path.join(root, inside, folder)
            (files.links if os.path.islink(path) else files.folders).append((inside / folder).as_posix())
        for name in names:
            path = (inside / name).as_posix()
            suffix = os.path.splitext(name)[1].lower()
            if not is_utf8(path):
                if suffix in (*suffixes, *known):
                    files.unread.setdefault(NOT_UTF8, []).append(os.fsencode(path).decode("utf-8", "replace"))
                continue
            if suffix in suffixes:
                files.photos.append(path)
            if not os.path.exists(os.path.join(root, path)):
                files.broken.append(path)
            elif suffix not in (*suffixes, *documents) and (inside.parts or suffix in known):
                files.unread.setdefault(kind_of(suffix), []).append(path)
    for found in (files.photos, files.folders, files.links, files.broken, *files.unread.values()):
        found.sort()
    return files


def find_photos(root: Path | str, exclude: Collection[str] = ("masks",)) -> dict[str, list[str]]:
    """Paths of the photos under `root`, by name without suffix, relative to it and sorted.

    Hidden files and folders are passed over, and what macOS, Windows and network drives leave.

    Args:
        root: searched to any depth, links to folders not followed.
        exclude: names of folders that hold no photos.
    """
    found: dict[str, list[str]] = {}
    suffixes = read_suffixes()
    for inside, _, names in _walk(root, exclude):
        for name in names:
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in suffixes and is_utf8(f"{inside}/{name}"):
                found.setdefault(stem, []).append((inside / name).as_posix())
    return {stem: sorted(found[stem]) for stem in sorted(found)}


def _walk(root: Path | str, exclude: Collection[str]) -> Iterator[tuple[Path, list[str], list[str]]]:
    """For each folder its path below `root` and the names of the folders and files in it."""
    skipped = {name.casefold() for name in (*LEFTOVERS, *exclude)}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name.casefold() not in skipped and not name.startswith(".")]
        yield Path(folder).relative_to(root), folders, [n for n in names if not n.startswith(".") and n != "Icon\r"]
