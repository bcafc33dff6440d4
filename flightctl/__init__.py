"""The running service: links, vehicles, docks, speakers, incidents, dispatch, store, API, panel, command line."""
