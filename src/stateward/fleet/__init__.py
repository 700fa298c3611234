"""A fleet of nodes in one process, over the real protocol: what agents do on the wire, and scripted outcomes."""
