"""The plugins of this agent: what a step's action can be."""
