"""Nothing that an earlier version has stored, published or sent is lost or read otherwise by this one."""
