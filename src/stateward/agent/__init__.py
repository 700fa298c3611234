"""The node agent: takes commands over the control channel, runs them, reports what happened."""
