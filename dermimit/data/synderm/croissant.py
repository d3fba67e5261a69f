"""croissant.json: what tools that read MLCommons Croissant 1.0 metadata need to know of a written SynDerm folder."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dermimit.data.synderm.confounders import USUAL
from dermimit.records import write_json

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
LICENSE = "https://spdx.org/licenses/Apache-2.0.html"
AUTHOR = "The DermImit contributors"
TERMS = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet",
    "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
    "references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in TERMS},
}
FIELDS = {  # column: type, description
    "image": ("sc:Text", "File of the photograph, relative to this folder."),
    "disease": ("sc:Text", "Disease, one of 49."),
    "body_part": ("sc:Text", "Body part, one of 15."),
    "attributes": ("sc:Text", "Lesion attributes that are present, any of 27."),
    "attributes_unknown": ("sc:Text", "Attributes not annotated; empty but in a noisy regime."),
    "mask": ("sc:Text", "File of the lesion mask, 255 on lesions, relative to this folder."),
    "patient_id": ("sc:Text", "Patient; a case is a patient of its own."),
    "lesion_id": ("sc:Text", "Lesion."),
    "visit": ("sc:Integer", "Number of the visit, from 0."),
    "fitzpatrick": ("sc:Integer", "Fitzpatrick skin type, 1 to 6."),
    "split": ("sc:Text", "train, val or test."),
    "true_body_part": ("sc:Text", "The true body part, where body_part is what a reader wrote down."),
    "true_attributes": ("sc:Text", "The true attributes, where attributes are what a reader wrote down."),
    "number": ("sc:Text", "How many lesions: a parameter drawn for the case."),
    "size": ("sc:Text", "How large the lesions are: a parameter drawn for the case."),
    "arrangement": ("sc:Text", "How the lesions are arranged: a parameter drawn for the case."),
    "day": ("sc:Float", "Day of the visit."),
    **{f"confounder_{name}": ("sc:Boolean", f"Whether the picture was drawn with: {name}.") for name in USUAL},
}
DESCRIPTION = (
    "Procedural clinical skin photographs with known truth: 49 diseases, 15 body parts, 27 lesion attributes, lesion "
    "masks and the generating probabilities. For testing methods; drawn by a program, not photographs of patients."
)


def save_croissant(root: Path, record: Mapping[str, Any]) -> None:
    """Write croissant.json beside a finished manifest.

    Args:
        root: the dataset's folder.
        record: the content of its synderm.json.
    """
    write_json(root / "croissant.json", metadata(root, record))


def metadata(root: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON-LD, with one field for each column of the manifest and the pixels of photograph and mask."""
    columns = pq.read_schema(root / "manifest.parquet").names
    sets = [_file_set("images", "image/png", "images/*.png"), _file_set("masks", "image/png", "masks/*.png")]
    if record["maps"]:
        sets.append(_file_set("maps", "application/zip", "maps/*.npz"))
    regime = record.get("regime", "version-3")
    cite = f"{AUTHOR}. SynDerm-49, renderer version {record['renderer']}. DermImit {record['versions']['dermimit']}."
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": "SynDerm-49",
        "description": f"{DESCRIPTION} Regime {regime}. Fingerprint {record['fingerprint']}.",
        "license": LICENSE,
        "citeAs": cite,
        "creator": {"@type": "sc:Organization", "name": AUTHOR},
        "version": f"{record['renderer']}.0.0",
        "datePublished": record["date"],
        "isLiveDataset": False,
        "distribution": [
            _file_object(root, "manifest.parquet", "application/x-parquet"),
            _file_object(root, "label_space.json", "application/json"),
            *sets,
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "photographs",
                "name": "photographs",
                "description": "One record a photograph.",
                "key": {"@id": "photographs/image"},
                "field": [_column(c) for c in columns],
            },
            _files("images", "Photographs by file."),
            _files("masks", "Lesion masks by file."),
        ],
    }


def digests(root: Path) -> dict[str, bool]:
    """Whether each file that croissant.json names by its checksum still has it.

    Raises:
        OSError, ValueError, KeyError, TypeError: a file is missing, or croissant.json is damaged.
    """
    listed = json.loads((root / "croissant.json").read_text(encoding="utf-8"))["distribution"]
    said = {entry["name"]: entry["sha256"] for entry in listed if "sha256" in entry}
    return {name: hashlib.sha256((root / name).read_bytes()).hexdigest() == value for name, value in said.items()}


def _file_object(root: Path, name: str, encoding: str) -> dict[str, Any]:
    content = (root / name).read_bytes()
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{len(content)} B",
        "encodingFormat": encoding,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _file_set(name: str, encoding: str, includes: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{name}-files",
        "name": f"{name}-files",
        "encodingFormat": encoding,
        "includes": includes,
    }


def _column(name: str) -> dict[str, Any]:
    """The field of a column; image and mask refer to the record of their file."""
    kind, text = FIELDS.get(name, ("sc:Text", name))
    source = {"fileObject": {"@id": "manifest.parquet"}, "extract": {"column": name}}
    field = {"@type": "cr:Field", "@id": f"photographs/{name}", "name": name, "description": text, "dataType": kind}
    refers = {"references": {"field": {"@id": f"{name}s/file"}}} if name in ("image", "mask") else {}
    many = {"repeated": True} if name in ("attributes", "attributes_unknown", "true_attributes") else {}
    return field | many | refers | {"source": source}


def _files(name: str, text: str) -> dict[str, Any]:
    """A record set of the files in a folder: name and pixels."""
    fields = {"file": ("sc:Text", "fullpath"), "pixels": ("sc:ImageObject", "content")}
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": text,
        "key": {"@id": f"{name}/file"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{field}",
                "name": field,
                "dataType": kind,
                "source": {"fileSet": {"@id": f"{name}-files"}, "extract": {"fileProperty": part}},
            }
            for field, (kind, part) in fields.items()
        ],
    }
