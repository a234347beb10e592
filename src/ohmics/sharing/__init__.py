"""A results folder comes in, a copy that can be handed on goes out: renamed, and searched for what may not be told.

`ohmics.sharing.ids` makes the names that replace ids, `ohmics.sharing.folder` the copy; `ohmics.sharing.texts` reads
the text of every kind of file, and `ohmics.sharing.search` looks for what must not stand there.
"""
