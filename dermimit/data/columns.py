"""The columns of a manifest."""

SPLITS = ("train", "val", "test")
COLUMNS = ("image", "disease", "body_part", "attributes", "attributes_unknown", "mask",
           "patient_id", "lesion_id", "visit", "fitzpatrick", "split")  # fmt: skip
LIST_COLUMNS = ("attributes", "attributes_unknown")
INTEGER_COLUMNS = ("visit", "fitzpatrick")
WEIGHTS_COLUMN = "disease_weights"  # optional: a dict of disease -> weight where the label is uncertain
