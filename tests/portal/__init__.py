"""The portal as people see it: real pages in a real browser, over a running gateway."""
