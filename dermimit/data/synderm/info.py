"""What `dermimit data info synderm` says."""

from typing import Any

INFO: dict[str, Any] = {
    "title": "SynDerm-49, procedural photographs",
    "citation": "this project",
    "licence": "this project's",
    "forbids": "nothing; it says nothing of patients either",
    "source": "drawn on your machine by `dermimit data synderm`",
    "size": "as many as you ask for",
    "layout": "what `dermimit data synderm` writes: manifest.parquet, label_space.json, images/, masks/",
    "classes": "49",
    "body_parts": "15",
    "attributes": "27",
    "skin_types": "Fitzpatrick 1 to 6",
    "grouping": "patient_id: each case is a patient of its own, with all its visits",
    "splits": "drawn with the photographs: 70 % train, 10 % val, 20 % test",
    "faults": ("synthetic: good for testing methods, not for claims on patients",),
}
