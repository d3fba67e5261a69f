"""SynDerm-49: procedural clinical photographs with a known generating process.

Purpose. 49 diseases, 15 body parts, 27 attributes, exact masks and causes of each pixel, and a known best score. For
testing methods, not for claims on patients. `write` puts a full datasheet into the folder it makes.

Process. disease ~ prior; body part ~ P(b | disease); attributes one after another ~ P(a_j | disease, a_1..a_{j-1});
number, size and arrangement of the lesions ~ P(. | disease). The picture depends on the disease only through these, so
`ceiling` bounds every classifier of single photographs from above, unless confounders are made to depend on the
disease. An attribute may be hidden, so the bound need not be reached. In the regimes `interaction` and `groups` a few
attributes depend on the body part too, so that evidence does not add; `additive_ceiling` says what that is worth.

Regimes. `plain`; `interaction` of pairs and `groups` of four diseases; `small` lesions among distractors, whose worth
for a zoom `crop_ceiling` tells; `noisy` labels of a reader; and their combinations (`read_regime`). Without a regime
the third version is drawn, to the bit.

Knowledge. `knowledge.yaml`, version 2: SkinCon counts where there are enough, else round figures after named sources.

Knobs. Skin types, prior, confounders (ink, ruler, dressing, hair, vignette), zoom and camera; counterfactuals of a
case; visits on later days. Skin type, light, camera and framing are independent of the labels.

Reproducing. A case is a function of (seed, index); workers, order and batch do not matter.
"""

from dermimit.data.synderm.additive import AdditiveCeiling, additive_ceiling
from dermimit.data.synderm.case import CAUSES, Case, Knobs, Labels
from dermimit.data.synderm.ceiling import OBSERVABLE, Ceiling, ceiling, confusable
from dermimit.data.synderm.colour import ANGLE_OF_TYPE, REST, SKIN_TYPES, lab, skin_colour, typology_angle
from dermimit.data.synderm.confounders import USUAL, Spec
from dermimit.data.synderm.crops import crop_ceiling
from dermimit.data.synderm.dataset import LABEL_SPACE, SynDerm
from dermimit.data.synderm.golden import pixels_fingerprint
from dermimit.data.synderm.info import INFO
from dermimit.data.synderm.interactions import groups as interaction_groups
from dermimit.data.synderm.knowledge import ARRANGEMENTS, NUMBERS, SIZES, Knowledge, definitions, knowledge
from dermimit.data.synderm.knowledge_schema import COURSES
from dermimit.data.synderm.noise import table as noise_table
from dermimit.data.synderm.picture import NO_CONFOUNDERS, make_case
from dermimit.data.synderm.posterior import log_likelihood, posterior
from dermimit.data.synderm.regimes import NAMES, Regime, process, read_regime
from dermimit.data.synderm.retake import NOISE, RETAKE, retake
from dermimit.data.synderm.splits import TEST_CASES, TEST_SEED, split_seed
from dermimit.data.synderm.write import RENDERER, write

__all__ = [
    "ANGLE_OF_TYPE",
    "ARRANGEMENTS",
    "CAUSES",
    "COURSES",
    "INFO",
    "LABEL_SPACE",
    "NAMES",
    "NOISE",
    "NO_CONFOUNDERS",
    "NUMBERS",
    "OBSERVABLE",
    "RENDERER",
    "REST",
    "RETAKE",
    "SIZES",
    "SKIN_TYPES",
    "TEST_CASES",
    "TEST_SEED",
    "USUAL",
    "AdditiveCeiling",
    "Case",
    "Ceiling",
    "Knobs",
    "Knowledge",
    "Labels",
    "Regime",
    "Spec",
    "SynDerm",
    "additive_ceiling",
    "ceiling",
    "confusable",
    "crop_ceiling",
    "definitions",
    "interaction_groups",
    "knowledge",
    "lab",
    "log_likelihood",
    "make_case",
    "noise_table",
    "pixels_fingerprint",
    "posterior",
    "process",
    "read_regime",
    "retake",
    "skin_colour",
    "split_seed",
    "typology_angle",
    "write",
]
