"""Executions as OpenTelemetry traces, for a collector that is configured."""
