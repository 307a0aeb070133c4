"""The pages: each module answers the routes of one question with a view, of which its templates make HTML."""
