"""Words, columns and files that a person or another program reads.

A report starts from the JSON document of a ranking (`Ranking.to_dict`), so that a stored ranking
renders as a fresh one does: `summarize` turns the document into rows of text, the other modules
turn those into a terminal table, Markdown and HTML.
"""
