"""Where things are and what a place means: frames, zones, the river, reach, routes, drift, the drop."""
