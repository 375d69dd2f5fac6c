"""What came of it: metrics, reports, comparison and verdicts."""
