"""The public's window: web pages on what is sensed, what became of it, and whether the record is whole.

A process of its own. It reads the public log folder (``record``) and asks the gateway through the citizens' door (``gate``), and
opens nothing else of the gateway's. A request takes this course::

    uvicorn ─► limits ─► routes ─► a page's view (pages/) ─► template (templates/) ─► bytes
                                     │ record, gate, visit

Nothing that a GET asks for changes anything, and no page needs a script.
"""
