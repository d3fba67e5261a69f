"""What is right in an answer beside the disease."""

import numpy as np
import pandas as pd

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate.error_types import attribute_f1

SPACE = LabelSpace("toy", ("a", "b"), ("arm",), ("scale", "crust"))


def test_attributes_of_which_nothing_is_known_count_neither_as_said_nor_as_true():
    said = [np.array([0.9, 0.9])] * 3 + [np.array([0.1, 0.1])]
    frame = pd.DataFrame({"attributes_prob": said, "attributes": [["scale"], ["scale"], ["scale", "crust"], []]})
    assert attribute_f1(frame, SPACE).round(3).tolist() == [0.667, 0.667, 1.0, 1.0]
    unknown = frame.assign(attributes_unknown=[["crust"], None, float("nan"), np.array(["scale", "crust"])])
    assert attribute_f1(unknown, SPACE).round(3).tolist() == [1.0, 0.667, 1.0, 1.0]
