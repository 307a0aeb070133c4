"""Sessions on the web: who is signed in by a cookie, forms that only our own pages send, and requests that are sent once."""
