"""SynDerm-49: procedural clinical photographs with a known generating process.

Datasheet
---------
Purpose. A dataset with the label shape of Derm-49 (49 diseases, 15 body parts, 27 attributes) that anyone can make
again to the bit, with exact lesion masks and a known best score. It is for testing methods, not for claims on patients.

Process. disease ~ prior; body part ~ P(b | disease); attributes one after another ~ P(a_j | disease, a_1..a_{j-1}); the
skin type is even and independent; lesions, light and camera depend on body part, attributes and skin type only. So
P(disease | photo) can be no sharper than P(disease | body part, attributes), and `ceiling` bounds every classifier of
photographs from above. (An attribute may be hidden by cloth, a crust or the frame, so the bound need not be reached.)

Labels. An attribute is "present" because it was drawn, even where it can hardly be seen. Masks hold the pixels of
elements and marks that lie on visible skin; the fading red halo of erythema and scratches is left out.

Knowledge. `knowledge.yaml`, first version: round numbers from general textbook knowledge, not measured frequencies.

Skin. Melanin and blood absorb light; erythema is fainter on dark skin. No statement on real skin-type performance
follows from it. Palms and soles are as dark as the rest, which is wrong for types V and VI.

Confounders. Ink ring (6 %), ruler (6 %), stray hairs, vignette: independent of everything else.

Reproducing. A case is a function of (seed, index). Arrays are drawn with +, -, *, / and sqrt, which every processor
rounds alike. Each case is a patient of its own; there is one picture per patient.
"""

from dermimit.data.synderm.case import Case
from dermimit.data.synderm.ceiling import Ceiling, ceiling, posterior
from dermimit.data.synderm.dataset import LABEL_SPACE, SynDerm
from dermimit.data.synderm.write import write

__all__ = ["LABEL_SPACE", "Case", "Ceiling", "SynDerm", "ceiling", "posterior", "write"]
