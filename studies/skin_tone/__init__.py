"""Chapter "Skin tone": scores by skin type, one case on six skins, and what training data can do.

`by_type` compares types, `counterfactuals` changes only the skin of a case, `mix` varies the share of dark skin in
training, `angle` measures skin colour, and `real` does what real photographs allow.
"""
