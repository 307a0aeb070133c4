"""What sensors really send: inputs that others have met, printed messages of network servers, and a node's three months."""
