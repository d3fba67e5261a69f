"""What `dermimit data info synderm` says."""

from typing import Any

INFO: dict[str, Any] = {
    "title": "SynDerm-49, synthetic images",
    "citation": "this project",
    "licence": "this project's",
    "forbids": "nothing; the images show no patients",
    "source": "generated on your machine by `dermimit data synderm`",
    "size": "as many as you ask for",
    "layout": "what `dermimit data synderm` writes: manifest.parquet, label_space.json, images/, masks/",
    "classes": "49",
    "body_parts": "15",
    "attributes": "27",
    "skin_types": "Fitzpatrick 1 to 6",
    "grouping": "patient_id: each case is a patient of its own, with all its visits",
    "splits": "made with the images: 70 % train, 10 % val, 20 % test",
    "faults": ("synthetic: suitable for testing methods, not for claims about patients",),
}
