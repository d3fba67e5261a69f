"""Chapter "What holds up": the claims of the paper, their contrasts, verdicts and the first lines of pages.

`verdicts` applies the rule to the ablation with its controls and to real photographs (`real`); `exploration` reads the
tables of one seed, which get a band and no verdict; `gradient_conflict` measures how the tasks pull on the trunk.
"""
