"""The embedded exchange's REST API, spot and USDⓈ-M."""
