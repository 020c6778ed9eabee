"""The HTML report: one file that opens without a network.

A page is a document (`Ranking.to_dict`) turned into a view (`ranking`, `figures`: pure), which a
template renders (`render`). Names are text everywhere: the templates escape, and so do the figures,
whose library reads tags in labels.
"""
