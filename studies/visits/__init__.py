"""Chapter "Over time": several visits of a patient in one answer.

`model` joins the features of visits, `training` trains it on frozen runs, `measure` compares it with one visit alone.
"""
